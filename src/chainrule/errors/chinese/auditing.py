"""Facts of errors about audits, and about the uncertainty of several networks."""

PHRASES: dict[str, str] = {
    "--delta with --claim or --canaries": "--delta 须与 --claim 或 --canaries 同用",
    "--shadows 2 or more, or --others FILE: the model was trained on all rows": (
        "--shadows 至少为 2，或用 --others FILE：该模型用全部行训练"
    ),
    "a RUN of chainrule train, whose training can be repeated": "由 chainrule train 得到、可以重复训练的 RUN",
    "labeled rows that the model was not trained on": "未参与训练的、有标签的行",
    "{option} with --novelty": "{option} 须与 --novelty 同用",
    "an ensemble, or a network with dropout": "集成，或含丢弃层的网络",
    "probabilities (S, N, K)": "概率 (S, N, K)",
    "two or more models of the same classes": "两个或更多、类别相同的模型",
    "{count} models, {kinds} kinds": "{count} 个模型，{kinds} 种",
    "a pair of samples and labels, or a table": "一对样本和标签，或一个表格",
    "an even number from {low} to {high}": "{low} 到 {high} 的偶数",
    "at most {count}, one half of the rows": "至多 {count}，即行数的一半",
    "rows of the training, and --others with rows that it did not use": (
        "训练所用的行，以及用 --others 指定的未参与训练的行"
    ),
    "the rows of the training of {run}": "{run} 的训练所用的行",
    "{count} other rows": "另外的 {count} 行",
}
