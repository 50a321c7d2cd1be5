"""Robot control: a network learns to swing up a pendulum and to hold it upright, from rewards alone.

Data: none; the agent (TD3, ``twin_critics.py``) acts in gymnasium's Pendulum-v1 and learns from a replay
buffer. Loss: squared error of the critics; the actor increases the critic's value. Baselines: no torque,
random torques, and a controller by hand. All are evaluated on the same 100 starts, which no training saw.
"""

from __future__ import annotations

import io

import numpy as np

from chainrule.apps.cli import screen
from chainrule.apps.examples import Count
from chainrule.apps.examples.pendulum import TORQUE, Policy, animation, environments, run, swing_up
from chainrule.apps.examples.result_page import markup_table, result_page
from chainrule.apps.examples.robot_texts import NAMES, TEXTS
from chainrule.apps.examples.robot_texts import OPTIONS as OPTIONS
from chainrule.apps.examples.score_table import Score, print_scores, save_run
from chainrule.apps.examples.twin_critics import Agent, Settings
from chainrule.apps.report.svg_charts import BLUE, ORANGE, Frame

STARTS, TEST_SEED, MASSES = 100, 10_000, (0.7, 1.0, 1.3)


def train_agent(seed: int, steps: int) -> tuple[Agent, list[float]]:
    """An agent after some steps, and the returns of its episodes."""
    agent, vector, returns, total = Agent(3, 1, Settings(), seed), environments(1), [], 0.0
    states, _ = vector.reset(seed=seed)
    for _ in range(steps):
        action = agent.act(states, explore=True)
        after, reward, ended, cut, _ = vector.step((TORQUE * action).astype(np.float32))
        total += float(reward[0])
        agent.buffer.add(state=states[0], action=action[0], reward=reward, after=after[0], end=ended)
        agent.learn()
        states = after
        if cut[0]:  # the next step only starts a new episode
            returns, total, (states, *_) = [*returns, total], 0.0, vector.step(np.zeros((1, 1), np.float32))
    return agent, returns


def mean_return(policy: Policy, mass: float) -> float:
    """The mean return on the test starts."""
    return float(run(policy, STARTS, TEST_SEED, mass)[0].mean())


def pictures(policy: Policy, returns: list[list[float]]) -> tuple[str, str, bytes]:
    """The learning curves, the phase portrait, and an animation of the first test episode."""
    frame = Frame((0, max(map(len, returns))), (-2000, 0), has_integer_x=True)
    curves = frame.chart([frame.line(list(enumerate(line)), BLUE) for line in returns])
    states = run(policy, 10, TEST_SEED)[1]  # (steps, 10, 3)
    angles, rates = np.arctan2(states[..., 1], states[..., 0]), states[..., 2]
    plane = Frame((-3.2, 3.2), (-8, 8))
    points = list(zip(angles.ravel().tolist(), rates.ravel().tolist(), strict=True))
    return (
        curves,
        plane.chart(plane.dots(points, ORANGE, 1.5)),
        animation(states[:, 0], policy(states[:, 0])[:, 0]),
    )


def main(*, lang: str = "en", steps: int = 0, long: bool = False, seeds: Count = 3, out: str = "") -> None:
    """Train, evaluate on starts that no training saw, and save the actor."""
    texts, draw = {key: pair[lang == "zh"] for key, pair in TEXTS.items()}, np.random.default_rng(0)
    agents, steps = [], steps or (20_000 if long else 12_000)
    for seed in range(seeds):
        agents.append(train_agent(seed, steps))
        screen.line(texts["trained"].format(seed=seed, steps=steps, last=np.mean(agents[-1][1][-10:])))
    policies: dict[str, Policy] = {
        "zero": lambda states: np.zeros((len(states), 1)),
        "random": lambda states: draw.uniform(-1, 1, (len(states), 1)), "hand": swing_up,
    }  # fmt: skip
    scores = [Score(NAMES[name], {"return": [mean_return(policy, 1.0)]}) for name, policy in policies.items()]
    scores.append(Score(NAMES["net"], {"return": [mean_return(agent.act, 1.0) for agent, _ in agents]}))
    print_scores(scores, lang, "return")
    net, header = agents[0][0], texts["header"].split(",")
    rows = [
        (f"{mass} kg", round(mean_return(net.act, mass), 1), round(mean_return(swing_up, mass), 1))
        for mass in MASSES
    ]
    screen.heading(texts["mass"])
    screen.table(header, rows, (1, 2))
    screen.block(f"\n{texts['limits']}")
    if out:
        (curves, phase, gif), file = pictures(net.act, [returns for _, returns in agents]), io.BytesIO()
        states = run(net.act, 1, TEST_SEED)[1][:, 0]  # (steps, 3)
        np.savez(file, x=states, y=swing_up(states).astype(np.float32))
        sections = [(texts["learning"], curves, texts["legend"]), (texts["phase"], phase, texts["axes"]),
                    (texts["mass"], markup_table(header, rows), "")]  # fmt: skip
        files = {
            "robot.html": result_page(texts["title"], lang, sections),
            "pendulum.gif": gif,
            "states.npz": file.getvalue(),
        }
        save_run(out, net.model(np.zeros((1, 3), np.float32)), scores, files)


if __name__ == "__main__":
    main()
