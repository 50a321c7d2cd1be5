"""Facts of errors about audits of a training."""

PHRASES: dict[str, str] = {
    "--delta with --claim or --canaries": "--delta 须与 --claim 或 --canaries 同用",
    "--shadows 2 or more, or --others FILE: the model was trained on all rows": (
        "--shadows 至少为 2，或用 --others FILE：该模型用全部行训练"
    ),
    "a RUN of chainrule train, whose training can be repeated": "由 chainrule train 得到、可以重复训练的 RUN",
    "a pair of samples and labels, or a table": "一对样本和标签，或一个表格",
    "an even number from {low} to {high}": "{low} 到 {high} 的偶数",
    "at most {count}, one half of the rows": "至多 {count}，即行数的一半",
    "rows of the training, and --others with rows that it did not use": (
        "训练所用的行，以及用 --others 指定的未参与训练的行"
    ),
    "the rows of the training of {run}": "{run} 的训练所用的行",
    "{count} other rows": "另外的 {count} 行",
}
