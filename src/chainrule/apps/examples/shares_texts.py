"""Options and texts of the example shares in English and Chinese."""

from __future__ import annotations

OPTIONS = {
    "data": ("file or folder of a copy of the data set", "数据集副本的文件或文件夹"),
    "long": ("ten trainings", "训练十次"),
    "seeds": ("number of trainings, with seeds 0, 1, ...", "训练次数，种子依次为 0、1……"),
    "epochs": ("number of epochs; 0: chosen", "训练轮数；0 表示按默认选择"),
    "out": ("folder for the model, the scores and the page", "保存模型、成绩和网页的文件夹"),
}
TEXTS = {
    "month": ("mean of the last 22 days", "最近 22 天的平均"),
    "har": ("linear model (HAR with leverage)", "线性模型（含杠杆项的 HAR）"),
    "net": ("linear model and GRU", "线性模型加 GRU"),
    "title": ("Variance of the S&P 500", "标普 500 的方差"),
    "direction": (
        "Direction of the next day: accuracy {a:.3f} (95 % interval {low:.3f} to {high:.3f}); "
        "always up: {up:.3f}. No claim.",
        "次日方向：准确率 {a:.3f}（95 % 区间 {low:.3f} 至 {high:.3f}）；总猜上涨：{up:.3f}。不作任何断言。",
    ),
    "risk": (
        "Value at risk: the loss of the next day that is exceeded with a probability of 1 %, of {days} days",
        "风险价值：次日亏损以 1 % 的概率超过的值，共 {days} 天",
    ),
    "risk_header": ("method,breaches,share,p of Kupiec's test", "方法,突破次数,比例,Kupiec 检验的 p 值"),
    "chart": ("Log variance of each test day, and its prediction", "测试期每日的对数方差及其预测"),
    "legend": (
        "Dots: the variance of the day; line: the prediction of the day before; in days from the first "
        "test day.",
        "点：当日的方差；线：前一日的预测；横轴为距测试期首日的天数。",
    ),
    "limits": (
        "No investment advice. The variance is estimated from four prices of a day, which limits every R². "
        "Nothing follows from one index in one period, without costs, for other markets or for profits.",
        "不构成投资建议。方差由一天的四个价格估计，这限制了任何 R²；"
        "一个指数、一段时期、不计成本，不能说明其他市场或盈利。",
    ),
}
