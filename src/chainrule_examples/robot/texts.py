"""The texts of the example ``robot`` in English and Chinese."""

from __future__ import annotations

from chainrule.messages import Texts

OPTIONS: Texts = {
    "robot": "pendulum: swing it up; reacher: reach a target with an arm",
    "steps": "steps of each training; 0: 12,000, or 20,000 with --long; reacher: 12,000, or 60,000",
    "long": "longer training",
    "seeds": "number of trainings, with seeds 0, 1, ...",
    "out": "folder for the model, the scores, a page and a GIF",
}
TEXTS: dict[str, Texts] = {  # of all robots, and of each
    "": {
        "short": "seed {seed}: {steps:,} steps, no episode ended",
        "trained": "seed {seed}: {steps:,} steps, mean return of the last 10 episodes {last:.1f}",
        "limits": (
            "Simulated: no delay or noise of sensors; a real motor has both.\n"
            "The reward is known in advance; its design is a large part of the work on a real robot."
        ),
        "episode": "The test episode with the lowest return of ten",
        "learning": "Return of the training episodes",
        "legend": "horizontal: episode; running mean, one line for each seed",
    },
    "pendulum": {
        "change": "Return with another mass",
        "header": "mass,network,controller by hand",
        "unit": "kg",
        "title": "Pendulum: a control learned from rewards",
        "signs": "bar: the pendulum; arc: the torque",
        "portrait": "Velocity by angle of ten test episodes",
        "axes": "horizontal: angle in rad, 0 is upright; vertical: velocity in rad/s",
    },
    "reacher": {
        "change": "Return with stronger or weaker motors",
        "header": "strength,network,controller by hand",
        "unit": "x 200 Nm",
        "title": "Reacher: a control learned from rewards",
        "signs": "lines: the arm; size of a joint: its torque; orange: the target",
        "portrait": "Path of the fingertip in ten test episodes",
        "axes": "horizontal and vertical: position in m; dots: targets",
    },
}
NAMES: Texts = {
    "zero": "no torque",
    "random": "random torques",
    "hand": "controller by hand",
    "net": "network (TD3)",
}
