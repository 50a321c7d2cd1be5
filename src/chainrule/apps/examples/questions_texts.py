"""Texts of the example ``questions``."""

from __future__ import annotations

from chainrule.apps.examples import COMMON

OPTIONS = {
    **COMMON,
    "set": ("generated stories, or drcd: paragraphs of an encyclopedia", "生成的故事，或 drcd：百科段落"),
    "data": ("archive or folder of DRCD; default: a download", "DRCD 的压缩包或文件夹；默认下载"),
    "long": ("larger network and longer training", "用更大的网络，训练更久"),
    "seeds": ("number of trainings; 0: 3, or 1 for drcd", "训练次数；0 表示 3 次，drcd 为 1 次"),
}
TEXTS = {
    "data": ("{0:,} training, {2:,} validation, {4:,} test questions\n"
             "and {1:,}, {3:,}, {5:,} whose passage has no answer",
             "训练 {0:,} 个，验证 {2:,} 个，测试 {4:,} 个问题；\n"
             "另有 {1:,}、{3:,}、{5:,} 个问题，其文章中没有答案"),
    "done": ("seed {seed}: {size:,} parameters, validation EM {EM:.3f}, F1 {F1:.3f}",
             "种子 {seed}：{size:,} 个参数，验证 EM {EM:.3f}，F1 {F1:.3f}"),
    "refusal": ("Answers with a probability below {limit:.3f} are refused: {kept:.1%} of the questions are\n"
                "answered, {right:.1%} of them exactly. Without an answer, {refused:.1%} are refused.",
                "概率低于 {limit:.3f} 的答案被拒绝：回答了 {kept:.1%} 的问题，其中 {right:.1%} 完全正确；\n"
                "没有答案的问题中，拒绝了 {refused:.1%}。"),
    "stories": ("A generator with a few dozen words writes the stories: scores of real texts are far lower.\n"
                "For those, see --set drcd.",
                "故事由只有几十个词的生成器写成：真实文本上的成绩低得多。\n真实文本见 --set drcd。"),
    "drcd": ("Every question was written for its paragraph, which has the answer; often a text has none.\n"
             "The network marks a part of the text by its form and does not check facts.",
             "每个问题都是针对其段落写的，答案必在其中；而一般的文本往往没有答案。\n"
             "网络按形式标出文中的一部分，并不核实事实。"),
    "title": ("Questions and answers", "问题与回答"),
    "table": ("Test questions, wrong answers first", "测试问题，答错的在前"),
    "header": ("question,answer,probability,reference", "问题,回答,概率,参考答案"),
    "why": ("Why the answer begins there: {question}", "答案为何从此处开始：{question}"),
    "legend": ("The question, then the part of the passage that is read.", "先是问题，后是所读的部分文章。"),
}  # fmt: skip
