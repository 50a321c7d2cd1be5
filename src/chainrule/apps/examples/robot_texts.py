"""The texts of the example ``robot`` in English and Chinese."""

from __future__ import annotations

OPTIONS = {
    "steps": (
        "steps of each training; 0: 12,000, or 20,000 with --long",
        "每次训练的步数；0 表示 12,000，--long 时为 20,000",
    ),
    "long": ("longer training", "训练更久"),
    "seeds": ("number of trainings, with seeds 0, 1, ...", "训练次数，种子依次为 0、1……"),
    "out": ("folder for the model, the scores, a page and a GIF", "保存模型、成绩、网页和动画的文件夹"),
}
TEXTS = {
    "trained": ("seed {seed}: {steps:,} steps, mean return of the last 10 episodes {last:.0f}",
                "种子 {seed}：{steps:,} 步，最后 10 回合的平均回报 {last:.0f}"),
    "mass": ("Return with another mass", "质量改变时的回报"),
    "header": ("mass,network,controller by hand", "质量,网络,手工控制器"),
    "limits": ("Simulated: no friction, delay or noise of sensors; a real motor has all three.\n"
               "The reward was known in advance; to choose it is a large part of the work on a real robot.",
               "这是仿真：没有摩擦、延迟和传感器噪声，真实电机三者都有。\n"
               "奖励是事先给定的；在真实机器人上，设计奖励就是很大一部分工作。"),
    "title": ("Pendulum: a control learned from rewards", "倒立摆：由奖励学得的控制"),
    "learning": ("Return of the training episodes", "训练回合的回报"),
    "legend": ("horizontal: episode; one line for each seed", "横轴：回合；每个种子一条线"),
    "phase": ("Rate by angle of ten test episodes", "十个测试回合的角速度与角度"),
    "axes": ("horizontal: angle in rad, 0 is upright; vertical: rate in rad/s",
             "横轴：角度（rad），0 为直立；纵轴：角速度（rad/s）"),
}  # fmt: skip
NAMES = {"zero": ("no torque", "不施力"), "random": ("random torques", "随机力矩"),
         "hand": ("controller by hand", "手工控制器"), "net": ("network (TD3)", "网络（TD3）")}  # fmt: skip
