"""Texts around the findings of the doctor: (English, Chinese) by key."""

from __future__ import annotations

DOCTOR: dict[str, tuple[str, str]] = {
    "doctor_title": ("Diagnosis: {count} findings", "诊断：发现 {count} 项"),
    "doctor_title_one": ("Diagnosis: 1 finding", "诊断：发现 1 项"),
    "doctor_well": ("Diagnosis: no findings", "诊断：未发现问题"),
    "doctor_heading": ("{severity}: {name} ({rule})", "{severity}：{name}（{rule}）"),
    "doctor_error": ("Error", "错误"),
    "doctor_warning": ("Warning", "警告"),
    "doctor_info": ("Note", "提示"),
    "doctor_numbers": ("evidence: {text}", "证据：{text}"),
    "doctor_why": ("why: {text}", "原因：{text}"),
    "doctor_try": ("try: {text}", "尝试：{text}"),
    "doctor_see": ("see: {text}", "参见：{text}"),
    "doctor_number": ("{value} (threshold {threshold})", "{value}（阈值 {threshold}）"),
    "doctor_source": ("source: {source}", "来源：{source}"),
    "doctor_step": ("step {step}", "第 {step} 步"),
    "doctor_comma": (", ", "，"),
    "doctor_end": ("at the end: {text}", "结束时：{text}"),
    "doctor_over": ("no longer found in the complete training", "在整个训练过程中已不再成立"),
}

# The sources of the thresholds, by their English text. Those that only name a tool or a work are left out.
SOURCES: dict[str, str] = {
    "Amazon SageMaker Debugger, PoorWeightInitialization (ratio 10); the bounds are this project's own":
        "Amazon SageMaker Debugger, PoorWeightInitialization（比值 10）；界限由本项目确定",
    "Amazon SageMaker Debugger, UnchangedTensor (three steps)":
        "Amazon SageMaker Debugger, UnchangedTensor（三步）",
    "AutoTrainer (70); the jump is this project's own":
        "AutoTrainer (70)；跃升幅度由本项目确定",
    "AutoTrainer (swings in 20 % of the epochs); the size of a swing is this project's own":
        "AutoTrainer（20 % 的轮出现摆动）；摆幅由本项目确定",
    "CS231n (steps of about 1e-3); AutoTrainer":
        "CS231n（步长约 1e-3）；AutoTrainer",
    "Karpathy, A recipe for training neural networks (input-independent baseline); the test is "
    "this project's own":
        "Karpathy, A recipe for training neural networks（与输入无关的基线）；检验方法由本项目确定",
    "SageMaker Debugger, LossNotDecreasing, applied to whole epochs":
        "SageMaker Debugger, LossNotDecreasing，按整轮计算",
    "SageMaker Debugger, Overfit (a gap of 0.1); UMLAUT and AutoTrainer (one rises while the "
    "other falls); the size of the rise is this project's own":
        "SageMaker Debugger, Overfit（差距 0.1）；UMLAUT 和 AutoTrainer（一个上升而另一个下降）；"
        "升幅由本项目确定",
    "SageMaker Debugger, Overtraining (patience 10, improvement 0.01); the share is this project's own":
        "SageMaker Debugger, Overtraining（容许 10 轮，改进 0.01）；比例由本项目确定",
    "UMLAUT (inputs within [-1, 1]); the ratios are this project's own":
        "UMLAUT（输入在 [-1, 1] 内）；比值由本项目确定",
    "UMLAUT (non-float inputs); the span is this project's own":
        "UMLAUT（非浮点输入）；范围由本项目确定",
    "UMLAUT; the floor ln(1 + (K - 1)/e) is exact: 0.313 for 2 classes, 1.461 for 10":
        "UMLAUT；下限 ln(1 + (K - 1)/e) 为精确值：2 类为 0.313，10 类为 1.461",
    "Zhang, Lipton, Li and Smola, Dive into Deep Learning, section 5.4; exact":
        "Zhang, Lipton, Li 和 Smola, Dive into Deep Learning，5.4 节；精确判断",
    "cs231n (comparison of data loss and regularization loss); the factors are this project's own":
        "cs231n（数据损失与正则化损失的比较）；系数由本项目确定",
    "cs231n (ln K); the factor is this project's own":
        "cs231n (ln K)；系数由本项目确定",
    "cs231n and the training notes of Karpathy; the rule is exact":
        "cs231n 和 Karpathy 的训练笔记；规则为精确判断",
    "cs231n, gradient checks":
        "cs231n，梯度检验",
    "deepchecks (train/test overlap 5 %); the correlation is this project's own":
        "deepchecks（训练集与测试集重叠 5 %）；相关系数由本项目确定",
    "exact (in scikit-learn, PyTorch and Keras it occurs as (n, 1) minus (n,))":
        "精确判断（在 scikit-learn、PyTorch 和 Keras 中表现为 (n，1) 减 (n,)）",
    "fastai's learning-rate finder (4 times the best); CS231n (steps of about 1e-3); the 10 % "
    "is this project's own":
        "fastai 的学习率查找器（最优值的 4 倍）；CS231n（步长约 1e-3）；10% 由本项目确定",
    "this project's own":
        "本项目",
    "this project's own (SageMaker Debugger's limits are reached far too late)":
        "本项目（SageMaker Debugger 的阈值过晚才达到）",
    "this project's own, after Welch's test":
        "本项目，依据 Welch 检验",
    "this project's own; Dive into Deep Learning, section 8.5 (batches of 50 to 100 suit)":
        "本项目；Dive into Deep Learning，8.5 节（批量大小 50 到 100 合适）",
    "this project's own; PyTorch stores images as (N, C, H, W)":
        "本项目；PyTorch 以 (N, C, H, W) 存储图像",
    "this project's own; an explanation, not a warning":
        "本项目；仅为说明，不是警告",
    "training-problems list, after mixed-precision training (Micikevicius et al. 2018)":
        "训练问题清单，依据混合精度训练（Micikevicius 等，2018）",
}  # fmt: skip


def source_in(source: str, lang: str) -> str:
    """Return the source of a threshold in the language ``lang``.

    Example:
        >>> source_in("cs231n (ln K); the factor is this project's own", "zh")
        'cs231n (ln K)；系数由本项目确定'
    """
    return SOURCES.get(source, source) if lang == "zh" else source
