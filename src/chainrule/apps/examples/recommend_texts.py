"""Options and texts of the example recommend in English and Chinese."""

from __future__ import annotations

OPTIONS = {
    "data": ("file or folder of a copy of the data set", "数据集副本的文件或文件夹"),
    "content": ("predict the stars of films without any rating", "预测没有任何评分的电影的星级"),
    "long": ("a network twice as wide, trained twice as long", "网络宽一倍，训练时间长一倍"),
    "seeds": ("number of trainings, each with its own division", "训练次数，每次用不同的划分"),
    "epochs": ("number of epochs; 0: chosen", "训练轮数；0 表示按默认选择"),
    "out": ("folder for the model, the scores and the page", "保存模型、成绩和网页的文件夹"),
}
TEXTS = {
    "popular": ("most popular films", "最热门的电影"),
    "neighbors": ("similar films (itemKNN)", "相似的电影（itemKNN）"),
    "linear": ("linear autoencoder (EASE)", "线性自编码器（EASE）"),
    "net": ("variational autoencoder", "变分自编码器"),
    "title": ("Recommendation of films", "电影推荐"),
    "because": ("Because you watched: the films that contribute most", "因为看过：贡献最大的电影"),
    "header": ("user,suggestion,because of", "用户,推荐,因为"),
    "limits": (
        "A random division lets the model see what people watched later; the division by time is what a "
        "recommender has to do, and all scores are lower there. Whether users would have liked the films "
        "that they did not rate is unknown; the users of 1998 are mostly young men.",
        "随机划分让模型看到人们后来看的电影；按时间划分才是推荐系统面对的任务，所有成绩都更低。"
        "没有被推荐的电影也就没有评分，人们是否会喜欢无从得知；1998 年的用户多为年轻男性。",
    ),
    "mean": ("mean rating", "平均评分"),
    "user mean": ("mean rating of the user", "用户的平均评分"),
    "ridge": ("ridge regression of each user", "每个用户的岭回归"),
    "towers": ("two towers", "双塔网络"),
    "content limits": (
        "The films were removed at random; new films differ from old ones, and those that are rated are "
        "not a random choice.",
        "测试电影是随机抽出的；新电影与旧电影不同，而有人评分的电影也不是随机的。",
    ),
}
