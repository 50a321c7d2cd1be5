"""Facts of errors about texts that are read aloud, and recordings of them."""

PHRASES: dict[str, str] = {
    "Latin letters": "拉丁字母",
    "a .txt file: one text in each line": ".txt 文件：每行一段文本",
    "a file of text": "文本文件",
    "a language of espeak-ng, such as {name}": "espeak-ng 的一种语言，例如 {name}",
    "a line of text": "一行文本",
    "letters or digits": "字母或数字",
    "phonemes of the training texts": "训练文本中的音素",
    "recordings named in the file of texts, in each of three parts": "文本文件中列出的录音，三个部分都要有",
    "several lines": "分成几行",
    "spell the word in another way": "换一种方式拼写该词",
}
