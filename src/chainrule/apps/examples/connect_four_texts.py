"""The texts of the example ``connect-four`` in English and Chinese."""

from __future__ import annotations

from chainrule.apps.examples import COMMON

OPTIONS = {
    "seeds": ("number of trainings, with seeds 0, 1, ...; with --play the first one",
              "训练次数，种子依次为 0、1……；用 --play 时只训练第一个"),
    "out": COMMON["out"],
    "long": ("more games and a larger network", "更多对局，更大的网络"),
    "play": ("then play against the network in the terminal", "随后在终端与网络对弈"),
    "run": ("folder of a saved network that is used instead of training", "使用已保存的网络，不再训练"),
    "rounds": ("rounds of a training, a move in every game each; 0: chosen for the form",
               "训练轮次，每轮所有对局各走一步；0 表示按形式选择"),
}  # fmt: skip
TEXTS = {
    "progress": ("seed {seed}, round {done}/{rounds}: {games:,} games, {rows:,} positions, loss {loss:.3f}",
                 "种子 {seed}，第 {done}/{rounds} 轮：{games:,} 局，{rows:,} 个局面，损失 {loss:.3f}"),
    "problems": ("{count} test positions of 16 to 29 stones with exact values, excluded from training",
                 "{count} 个测试局面，16 至 29 枚棋子，价值由求解器精确求得；训练中排除了它们"),
    "limits": ("The test positions come from random moves and have at least 16 stones: the score does not\n"
               "measure openings. Connect four is solved: an exact solver makes no errors, the network does.",
               "测试局面来自随机落子，至少有 16 枚棋子：成绩不能衡量开局的水平。\n"
               "四子棋已被完全求解：精确的求解器不会出错，网络会。"),
    "title": ("Connect four: a network that learned from its own games",
              "四子棋：由自己的对局学会下棋的网络"),
    "game": ("A game of the network (X) against flat Monte Carlo (O)", "网络（X）与平坦蒙特卡洛（O）的一局"),
    "numbers": ("The numbers count the moves; blue: the network.", "数字为落子顺序；蓝色：网络。"),
    "curve": ("Value for X after each move", "每步之后 X 的价值"),
    "legend": ("Line: estimate of the network. Dots: exact value from 16 stones on (1 win, 0 draw, -1 loss).",
               "线：网络的估计。点：从 16 枚棋子起的精确价值（1 胜，0 和，-1 负）。"),
    "start": ("You are X and move first. Enter a column from 1 to 7; q ends the game.",
              "你执 X 先行。输入列号 1 至 7；输入 q 结束。"),
    "prompt": ("column: ", "列号："),
    "column": ("expected a column from 1 to 7, received “{text}”; enter another one",
               "应输入 1 至 7 的列号，收到“{text}”；请重新输入"),
    "full": ("column {column} is full; open: {open}", "第 {column} 列已满；可选：{open}"),
    "values": ("values for O by column: {values}", "各列对 O 的价值：{values}"),
    "plays": ("network plays {column}", "网络下第 {column} 列"),
    "X": ("You win.", "你赢了。"),
    "O": ("The network wins.", "网络获胜。"),
    "draw": ("Draw.", "和棋。"),
    "end": ("The game ends here.", "对局到此结束。"),
}  # fmt: skip
NAMES = {
    "random": ("random", "随机"),
    "center": ("block and center", "堵截与居中"),
    "flat": ("flat Monte Carlo, 700 playouts", "平坦蒙特卡洛，700 次模拟"),
    "search": ("search of 100 visits without network", "无网络搜索，100 次访问"),
    "alone": ("network without search", "网络，不搜索"),
    "net": ("network with search of 100 visits", "网络加搜索，100 次访问"),
    "more": ("network with search of 400 visits", "网络加搜索，400 次访问"),
}
