"""Facts of errors about molecules, and about questions on texts."""

PHRASES: dict[str, str] = {
    "answers: --out, --only-predictions, --raw": "回答可用：--out、--only-predictions、--raw",
    "the beginning of a text: this model continues texts": "文本的开头：此模型续写文本",
    "an .npz file with {names}: cepstra, not sounds": "含 {names} 的 .npz 文件：倒谱系数，而不是声音",
    "suggestions: --out, --raw": "推荐可用：--out、--raw",
    "cut the text": "截短文字",
    "EM and F1, without --metric": "EM 和 F1，不用 --metric",
    "leave --metric out": "去掉 --metric",
    'name the column of the targets "{name}"': "把目标所在的列命名为“{name}”",
    "put each sound into a folder named by its label: FOLDER/LABEL/sound.wav": (
        "把每个声音放入以其标签命名的文件夹：FOLDER/LABEL/sound.wav"
    ),
    'name the column of the answers "{name}"': "把答案所在的列命名为“{name}”",
    "a SMILES such as {smiles}": "SMILES，如 {smiles}",
    "correct the SMILES, or leave the row out": "更正 SMILES，或略去该行",
    "a block that cannot be read": "无法读取的数据块",
    "{file}, molecule {number}": "{file}，第 {number} 个分子",
    "at least {count} articles": "至少 {count} 篇文章",
    "at least {count} molecules": "至少 {count} 个分子",
    "at most {count} atoms": "最多 {count} 个原子",
    "{count} atoms": "{count} 个原子",
    'the column "{name}" with molecules': "含分子的列“{name}”",
    'name the column of the molecules "{name}"': "把分子所在的列命名为“{name}”",
}
