"""The texts of the example ``robot`` in English and Chinese."""

from __future__ import annotations

OPTIONS = {
    "robot": (
        "pendulum: swing it up; reacher: reach a target with an arm",
        "pendulum：摆起倒立摆；reacher：机械臂够到目标",
    ),
    "steps": (
        "steps of each training; 0: 12,000, or 20,000 with --long; reacher: 12,000, or 60,000",
        "每次训练的步数；0 表示 12,000，--long 时为 20,000；reacher 为 12,000 或 60,000",
    ),
    "long": ("longer training", "训练更久"),
    "seeds": ("number of trainings, with seeds 0, 1, ...", "训练次数，种子依次为 0、1……"),
    "out": ("folder for the model, the scores, a page and a GIF", "保存模型、成绩、网页和动画的文件夹"),
}
TEXTS = {  # of all robots, and of each
    "": {
        "short": ("seed {seed}: {steps:,} steps, no episode ended",
                  "种子 {seed}：{steps:,} 步，没有结束的回合"),
        "trained": ("seed {seed}: {steps:,} steps, mean return of the last 10 episodes {last:.1f}",
                    "种子 {seed}：{steps:,} 步，最后 10 回合的平均回报 {last:.1f}"),
        "limits": ("Simulated: no delay or noise of sensors; a real motor has both.\n"
                   "The reward is known in advance; its design is a large part of the work on a real robot.",
                   "这是仿真：没有延迟和传感器噪声，真实电机两者都有。\n"
                   "奖励是事先给定的；在真实机器人上，设计奖励就是很大一部分工作。"),
        "episode": ("The test episode with the lowest return of ten", "十个测试回合中回报最低的一个"),
        "learning": ("Return of the training episodes", "训练回合的回报"),
        "legend": ("horizontal: episode; running mean, one line for each seed",
                   "横轴：回合；滑动平均，每个种子一条线"),
    },
    "pendulum": {
        "change": ("Return with another mass", "质量改变时的回报"),
        "header": ("mass,network,controller by hand", "质量,网络,手工控制器"),
        "unit": ("kg", "kg"),
        "title": ("Pendulum: a control learned from rewards", "倒立摆：由奖励学得的控制"),
        "signs": ("bar: the pendulum; arc: the torque", "粗线：摆；弧线：力矩"),
        "portrait": ("Velocity by angle of ten test episodes", "十个测试回合的角速度与角度"),
        "axes": ("horizontal: angle in rad, 0 is upright; vertical: velocity in rad/s",
                 "横轴：角度（rad），0 为直立；纵轴：角速度（rad/s）"),
    },
    "reacher": {
        "change": ("Return with stronger or weaker motors", "电机强弱改变时的回报"),
        "header": ("strength,network,controller by hand", "强度,网络,手工控制器"),
        "unit": ("x 200 Nm", "x 200 Nm"),
        "title": ("Reacher: a control learned from rewards", "机械臂：由奖励学得的控制"),
        "signs": ("lines: the arm; size of a joint: its torque; orange: the target",
                  "线：机械臂；关节的大小：力矩；橙色：目标"),
        "portrait": ("Path of the fingertip in ten test episodes", "十个测试回合中指尖的轨迹"),
        "axes": ("horizontal and vertical: position in m; dots: targets",
                 "横轴、纵轴：位置（m）；圆点：目标"),
    },
}  # fmt: skip
NAMES = {"zero": ("no torque", "不施力"), "random": ("random torques", "随机力矩"),
         "hand": ("controller by hand", "手工控制器"), "net": ("network (TD3)", "网络（TD3）")}  # fmt: skip
