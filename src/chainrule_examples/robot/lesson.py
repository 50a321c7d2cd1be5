"""Robot control: a network learns from rewards alone to swing up a pendulum or to reach a target.

Data: none; the agent (TD3, ``twin_critics.py``) acts in an environment of gymnasium and learns from a replay
buffer. Loss: squared error of the critics; the actor increases the critic's value. Baselines: no torque,
random torques, and a controller by hand. All are evaluated on the same 100 starts, which no training saw.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from chainrule.messages import in_language
from chainrule.metrics import SampledScore, mean_score
from chainrule.page import markup_table, screen
from chainrule_examples import Count, Natural
from chainrule_examples.robot.page import NAMES, TEXTS, learning_curves, robot_page
from chainrule_examples.robot.page import OPTIONS as OPTIONS
from chainrule_examples.robot.robots import ROBOTS, Environments, Policy, Robot, run
from chainrule_examples.robot.twin_critics import Agent
from chainrule_examples.score_table import Score, npz, print_scores, save_run

STARTS, TEST_SEED, FACTORS = 100, 10_000, (0.7, 1.0, 1.3)


def train_agent(robot: Robot, seed: int, steps: int) -> tuple[Agent, list[float]]:
    """An agent after some steps, and the returns of its episodes."""
    agent, count = Agent(len(robot.scale), robot.actions, robot.settings, seed), robot.parallel
    environments, totals = Environments(robot, count), np.zeros(count)
    states, returns = environments.reset(seed), list[float]()
    for _ in range(steps):
        actions = agent.act(states, explore=True)
        after, rewards, ends = environments.step(actions)
        totals += rewards
        for i in range(count):
            row = {"state": states[i], "action": actions[i], "reward": rewards[i : i + 1], "after": after[i]}
            agent.buffer.add(**row, end=[0.0])  # a limit of time is no end
        agent.learn()
        states = after
        if ends.all():  # all episodes have the same length; the next step only starts new ones
            states, _, _ = environments.step(np.zeros_like(actions))
            returns, totals = [*returns, *totals.tolist()], np.zeros(count)
    return agent, returns


def mean_return(robot: Robot, policy: Policy, factor: float = 1.0) -> SampledScore:
    """The mean return on the test starts."""
    return mean_score(run(robot, policy, STARTS, TEST_SEED, factor)[0])


def main(
    *,
    lang: str = "en",
    robot: Literal["pendulum", "reacher"] = "pendulum",
    steps: Natural = 0,
    long: bool = False,
    seeds: Count = 3,
    out: str = "",
) -> None:
    """Train, evaluate on starts that no training saw, and save the actor."""
    texts = in_language((TEXTS[""] | TEXTS[robot]), lang)
    machine, sample, agents = ROBOTS[robot], np.random.default_rng(0), []
    steps = steps or machine.training[long]
    for seed in range(seeds):
        agents.append(train_agent(machine, seed, steps))
        last = agents[-1][1][-10:]
        text = texts["trained" if last else "short"]
        screen.line(text.format(seed=seed, steps=steps, last=np.mean(last) if last else 0.0))
    policies: dict[str, Policy] = {
        "zero": lambda states: np.zeros((len(states), machine.actions)),
        "random": lambda states: sample.uniform(-1, 1, (len(states), machine.actions)),
        "hand": machine.controller,
    }
    acting = {**{name: [policy] for name, policy in policies.items()}, "net": [own.act for own, _ in agents]}
    runs = {name: [{"return": mean_return(machine, act)} for act in own] for name, own in acting.items()}
    scores = [Score.on_test_set(NAMES[name], own) for name, own in runs.items()]
    print_scores(scores, lang, "return")
    net, header, rows = agents[0][0], texts["header"].split(","), []
    for factor in FACTORS:
        values = [mean_return(machine, policy, factor).value for policy in (net.act, machine.controller)]
        rows.append((f"{factor} {texts['unit']}", *(f"{v:.{1 if abs(v) >= 10 else 2}f}" for v in values)))
    screen.heading(texts["change"])
    screen.table(header, rows, (1, 2))
    screen.block(f"\n{texts['limits']}")
    if out:
        totals, episodes = run(machine, net.act, 10, TEST_SEED)  # (10,), (steps, 10, S)
        states = episodes[:, totals.argmin()]  # the hardest start: hanging down, or a distant target
        moving, table = machine.animation(states, net.act(states)), markup_table(header, rows)
        returns = [own for _, own in agents]
        files = {
            "robot.html": robot_page(machine, episodes, returns, texts, lang, table, moving),
            f"{robot}.gif": moving,
            "states.npz": npz(x=states, y=machine.controller(states).astype(np.float32)),
        }
        save_run(out, net.model(states[:1]), scores, files, curve=learning_curves(machine, returns, texts))


if __name__ == "__main__":
    main()
