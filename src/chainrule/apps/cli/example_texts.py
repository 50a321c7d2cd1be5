"""The sentence of each example, in English and Chinese."""

EXAMPLE: dict[str, tuple[str, str]] = {
    "example_article": (
        "the article's 2-3-1 network: every partial derivative, derived",
        "文章中的 2-3-1 网络：推导每一个偏导数",
    ),
    "example_moons": (
        "classify two interleaved half circles with a small network",
        "用小网络区分两个交错的半圆",
    ),
    "example_digits": ("classify handwritten digits of 8 x 8 pixels", "识别 8×8 像素的手写数字"),
    "example_fashion-mnist": (
        "classify images of clothes with four networks of increasing depth",
        "用四个由浅入深的网络识别服装图片",
    ),
    "example_alexnet": (
        "train AlexNet, 57 million parameters, on enlarged images of clothes for a few hundred steps",
        "用放大后的服装图片训练 AlexNet（5700 万个参数）几百次更新",
    ),
    "example_translate": (
        "train a Transformer that translates menus and messages into Chinese",
        "训练把菜单和消息译成中文的 Transformer",
    ),
    "example_poems": (
        "train a small GPT on Tang poems, compare it with n-grams, and write poems (--acrostic 春夏秋冬)",
        "训练写唐诗的小型 GPT，与 n 元模型比较，并写诗（--acrostic 春夏秋冬）",
    ),
    "example_risk": (
        "predict which loans are not repaid: probabilities, costs and groups, beside gradient boosting",
        "预测哪些贷款不会偿还：概率、代价与分组，并与梯度提升比较",
    ),
    "example_robot": (
        "learn from rewards to swing up a pendulum, or to reach a target with an arm (TD3)",
        "由奖励学会摆起倒立摆，或用机械臂够到目标（TD3）",
    ),
    "example_connect-four": (
        "learn connect four from self-play, evaluated by an exact solver; --play plays against you",
        "由自我对弈学会四子棋，由精确的求解器评估；--play 可与你对弈",
    ),
    "example_microgpt": (
        "train a GPT of 4,288 numbers to invent names, and derive one of its training steps",
        "训练一个只有 4288 个数的 GPT 来起名字，并推导其中一步训练",
    ),
    "example_detect": (
        "find red cells, white cells and platelets in images of blood smears, each with its box",
        "在血涂片图像中找出红细胞、白细胞和血小板，并框出每一个",
    ),
    "example_segment": (
        "decide for every pixel of a street scene whether it is road, car, pedestrian, ...",
        "判断街景图像的每个像素是道路、汽车、行人还是别的",
    ),
    "example_faces": (
        "recognize people: whose image is nearest, and are two images of the same person, also of strangers",
        "识别人脸：最近的图像是谁，两幅图像是否同一人（包括陌生人）",
    ),
    "example_x-ray": (
        "recognize pneumonia in chest X-rays of children, with a threshold from validation images",
        "在儿童胸部 X 光片中识别肺炎，阈值由验证图像选定",
    ),
    "example_diagnose": (
        "diagnose narrowed coronary arteries, with abstention in doubt (not for clinical use)",
        "诊断冠状动脉狭窄，给出区间，存疑时放弃判断（不得用于临床）",
    ),
    "example_fraud": (
        "rank web pages by the probability of phishing, each with reasons",
        "按钓鱼的概率排列网页，并逐一给出理由",
    ),
    "example_listen": (
        "transcribe letters, numbers and commands of unknown speakers, or single digits (--digits)",
        "转写陌生人说出的字母、数字和命令，或识别单个数字（--digits）",
    ),
    "example_speak": (
        "learn the voice of 25 minutes of recordings, and speak any English text with it",
        "从 25 分钟的录音学会一种声音，用它朗读任意英文文本",
    ),
    "example_shares": (
        "predict tomorrow's variance of share prices, and show that the direction is not predictable",
        "预测股价明日的方差，并说明方向无法预测",
    ),
    "example_recommend": (
        "recommend films to users, with reasons; stars of films without any rating (--content)",
        "向用户推荐电影并说明理由；预测没有评分的电影的星级（--content）",
    ),
    "example_molecules": (
        "predict how well molecules dissolve in water, with colored atoms",
        "预测分子在水中的溶解度，并给原子着色",
    ),
    "example_questions": (
        "answer questions about stories, or about paragraphs of the Chinese Wikipedia (--set drcd)",
        "回答关于故事的问题，或关于中文维基百科段落的问题（--set drcd）",
    ),
    "example_sentiment": (
        "decide whether Chinese reviews are positive, beside naive Bayes and a linear model",
        "判断中文评论的褒贬，并与朴素贝叶斯和线性模型比较",
    ),
}
