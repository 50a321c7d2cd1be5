"""Chinese formulas of building blocks whose formula contains words, by kind and name.

The formulas without words are the same in both languages. A test compares the symbols of both.
"""

from __future__ import annotations

_SCALED = (
    "正态分布：std = √(gain / fan)；均匀分布：−a 到 a，其中 a = √(3 gain / fan)。PyTorch 的 "
    "gain 是此处的平方根；Keras 的 VarianceScaling 与此相同，其 scale 即 gain，正态分布经截断。"
)

FORMULAS: dict[str, dict[str, str]] = {
    "layer": {
        "ActivityRegularization": "J ← J + (1/n) ∑ penalty(x⁽ⁱ⁾)，对 n 个样本求和。",
        "AdaptiveLogSoftmax": (
            "常见类别：log p(k) = log softmax(head)ₖ；其他类别：log softmax(head)_cluster + log "
            "softmax(W N x)ₖ，其中第 i 个簇的 N 为 (C / div_valueⁱ, C)。"
        ),
        "AdditiveAttention": (
            "s = ∑ scale[c] tanh(q Wᵀ + k Uᵀ)[c]，对 c 求和；w = softmax(s)，y = w v；不给 units "
            "时没有 W 和 U。"
        ),
        "AlphaDropout": (
            "y = a (x m + f (1 − m)) + b，f = −1.7581 是 selu 的下限，m 以概率 q = 1 − rate 取 1，a = "
            "(q (1 + rate f²))^(−1/2)，b = −a rate f。"
        ),
        "BatchNorm": (
            "训练时：m、v 为 x 在除最后一轴外所有轴上的均值和方差，y = (x − m) / √(v + ε) · scale + "
            "shift；running_mean ← (1 − momentum) running_mean + momentum m；running_variance 同样以 v "
            "n / (n − 1) 更新，n 是每个通道的数的个数。推断时：m、v 取这些移动平均。"
        ),
        "Bilinear": "y[o] = ∑ a[i] W[o, i, j] b[j] + bias[o]，对 i、j 求和。",
        "Conv": "z[i, o] = ∑ x[i · stride + t · dilation, c] W[o, t, c] + b[o]，对 t、c 求和；a = g(z)。",
        "ConvLSTM": "与 LSTM 相同，乘积换成卷积；作用于状态的卷积保持大小不变。",
        "ConvTranspose": (
            "z[j, o] = ∑ x[i, c] W[c, t, o] + b[o]，对满足 i · stride + t · dilation − padding = j 的 "
            "i、t 和所有 c 求和；a = g(z)。"
        ),
        "CosineSimilarity": "y = a b / (max(|a|, ε) max(|b|, ε))，都沿最后一轴求和。",
        "Dense": "z = x Wᵀ + b，a = g(z)；W 的形状为 (O, I)，即文章中的 z = W x + b。",
        "DepthwiseConv": "与分为 C 组的 Conv 相同。",
        "Dropout": "y = x m / (1 − rate)，其中 m 以概率 1 − rate 取 1，否则取 0；均值不变。",
        "EinsumDense": "爱因斯坦求和：x 与 W 相乘，对结果中没有的字母求和；再加偏置，再作用 g。",
        "EnsembleDense": "第 k 个成员：zₖ = xₖ Wₖᵀ + bₖ，aₖ = g(zₖ)；W 为 (K, O, I)，b 为 (K, O)。",
        "EnsemblePiecewiseLinear": (
            "每个特征的每个区间：t = min(max((x − lower) slope, 0), 1)；y = (t − center) scale。"
        ),
        "FastSpeech": (
            "h = encoder(phonemes)，log_durations = head(h)，spectrogram = decoder(regulate(h, "
            "durations))；log_durations 为 log(1 + d)。"
        ),
        "FeatureAlphaDropout": "与 AlphaDropout 相同，一个通道的所有位置共用一个 m。",
        "FractionalMaxPool": (
            "a = (n − kernel_size) / (places − 1)，u 对每个轴在 0 到 1 之间均匀抽取；第 i 个窗口从 "
            "floor((i + u) a) − floor(u a) 开始，最后一个从 n − kernel_size 开始。"
        ),
        "GRU": (
            "r, u = s(x[t] Wᵀ + h[t-1] Uᵀ + b)，各用自己的行；m = g(x[t] Wᵀ + b + r (h[t-1] Uᵀ + a))，"
            "用自己的行；h[t] = (1 − u) m + u h[t-1]。各行的顺序为 r、u、m。"
        ),
        "GatedGraphConv": (
            "每一轮：m[i] = ∑ A[k, i, j] Wₖ h[j]，对 k、j 求和；z = sigmoid(m Zᵀ + h Uᵀ + b)，r = "
            "sigmoid(m Rᵀ + h Vᵀ + c)，h' = (1 − z) tanh(m Mᵀ + r (h Qᵀ) + d) + z h。"
        ),
        "GaussianLatent": (
            "训练时 y = m + exp(s / 2) u，u 服从标准正态分布；推断时 y = m。"
            "与标准正态分布的散度计入目标函数：J ← J + weight (1/n) ∑ 1/2 ∑_d (exp(s_d) + m_d² − 1 − "
            "s_d)，外层对样本求和。"
        ),
        "GraphNetwork": (
            "h = g(x Wᵀ + b)；h' 同 GatedGraphConv；y = ∑ sigmoid([h', x] Gᵀ + c) (h' Vᵀ + d)，"
            "对存在的节点求和。"
        ),
        "GroupNorm": (
            "y = (x − m) / √(v + ε) · scale + shift；m、v 取自所有位置和一组的 C / groups 个通道。"
        ),
        "HashedNGrams": (
            "y = 1 + (hₙ₁(xₜ) + … + hₙₙ(x_(t+n-1))) mod (buckets − 1)，其中 hₙᵢ 是随机数表，"
            "每种长度和位置各一个（表格哈希）；填充处为 0。"
        ),
        "InstanceNorm": "y = (x − m) / √(v + ε) · scale + shift；m、v 取自一个通道的所有位置。",
        "InvertedResidual": (
            "f(x) = norm(project(q(g(norm(depthwise(g(norm(expand(x)))))))))，q 是压缩激励层；若 f "
            "不改变形状，y = x + f(x)，否则 y = f(x)。"
        ),
        "LSTM": (
            "i, f, o = s(x[t] Wᵀ + h[t-1] Uᵀ + b)，各用 W、U、b 中自己的行；m 同样由 g 得到；c[t] = f "
            "c[t-1] + i m，h[t] = o g(c[t])。各行的顺序为 i、f、m、o。"
        ),
        "LayerNorm": "y = (x − m) / √(v + ε) · scale + shift；m、v 取自最后 axes 个轴。",
        "LengthRegulator": (
            "设 eₚ = d₁ + … + dₚ，sₚ = eₚ − dₚ，第 t = 0, 1, … 帧属于满足 sₚ ≤ t < eₚ 的 p：yₜ = (xₚ, "
            "(t − sₚ) / dₚ, log(1 + dₚ))。从 e_P 起的帧为 0。"
        ),
        "LocalResponseNorm": (
            "y[c] = x[c] / (k + α / size · ∑ x[d]²)ᵝ，对 c 周围的 size 个通道 d 求和；首尾通道之外取零。"
        ),
        "MixtureOfExperts": "g = softmax(x Wᵀ + b)，y = ∑ g[i] fᵢ(x)，对 i 求和。",
        "MultiHeadAttention": (
            "每个头 h：q = x Wq[h]ᵀ，k = x Wk[h]ᵀ，v = x Wv[h]ᵀ（各有偏置），y[h] = softmax(q kᵀ / "
            "√(D)) v；各 y[h] 首尾相接，再乘以输出权重。"
        ),
        "PairwiseDistance": "y = (∑ |a − b + ε|ᵖ)^(1/p)，沿最后一轴求和。",
        "PatchEmbedding": "y[t, o] = ∑ x[图块 t][i, j, c] W[o, i, j, c] + b[o]，对 i、j、c 求和。",
        "RMSNorm": "y = x / √(mean(x²) + ε) · scale；均值取自最后 axes 个轴。",
        "Residual": "y = g(s(x) + f(x))，s 和 g 默认为恒等；此时对 x 的梯度为 dy + f'(x) dy。",
        "RotaryPosition": (
            "t 为位置，角度 a[i] = t / base^(2i/C)，每对 (u, v) 变为 (u cos a − v sin a, u sin a + v cos a)。"
        ),
        "SeparableConv": "不带偏置的 DepthwiseConv，再接核为一格的 Conv。",
        "SequencePool": "mean：y = ∑ m[t] x[t] / ∑ m[t]，m 为遮蔽。",
        "Skip": "y = [x 的中部, f(x)]，按通道并排。",
        "SpanReader": (
            "e、q 为文章和问题的嵌入；a 为 relu(e A) 对 relu(q A) 的注意力，值为 q；v 为 relu(conv(q)) "
            "在 Q 上的最大值；h = relu([e, a, features] Wᵀ + v Vᵀ)；每个卷积：h = h + 2 sigmoid(v Gᵀ) "
            "relu(conv(norm(h)))；得分 = norm(h) Sᵀ。没有答案的位置：relu([norm(h) 在 T 上的最大值, v] "
            "Pᵀ) Nᵀ。"
        ),
        "SpatialDropout": (
            "y = x m / (1 − rate)，一个通道的所有位置共用一个 m：以概率 1 − rate 取 1，否则取 0。"
        ),
        "SpectralNorm": (
            "W' = W / s，s = uᵀ W v 为最大奇异值。训练时 u ← W v，v ← Wᵀ u，各缩放到长度 1，"
            "趋向被拉长最多的方向 v（幂迭代）；v 逐步保留，梯度不经过 u 和 v。推断时 s = |W v|。"
        ),
        "SqueezeExcite": "s 为 x 在空间上的均值，g = h(relu(s Wᵀ + b) Vᵀ + c)，y = x g。",
        "TextEncoder": "x = norm(words[w] + W[t] + types[s])，然后是各块，再是输出头。",
        "TransformerDecoderLayer": (
            "x ← norm(x + attention(x))，x ← norm(x + attention(x, memory))，x ← norm(x + "
            "feed_forward(x))；norm_first 时为 x ← x + part(norm(x))。"
        ),
        "TransformerEncoderLayer": (
            "x ← norm(x + attention(x))，x ← norm(x + feed_forward(x))；norm_first 时为 x ← x + "
            "part(norm(x))。"
        ),
        "Unembedding": "y = x Wᵀ，W 为 (vocabulary, C)，即嵌入的权重。",
        "UnitNorm": "y = x / √(max(∑ x², ε))；沿最后一轴求和。",
        "WeightNorm": (
            "W[o] = gain[o] V[o] / |V[o]|；V 的初始值与 W 的抽取方式相同，gain 的初始值为其长度，"
            "因此初始网络与不用它时相同。"
        ),
    },
    "loss": {
        "binary_cross_entropy": (
            "J⁽ⁱ⁾ = 1/O ∑ₒ wₒ [−q y log p − (1 − y) log(1 − p)]，p = sigmoid(z)；q = 1 时按 "
            "softplus(z) − y z 计算，对 z 的梯度为 (p − y)/O。平滑把 y 变为 y (1 − s) + s/2。"
        ),
        "binary_focal": (
            "J⁽ⁱ⁾ = 1/O ∑ₒ a qᵞ (−y log p − (1 − y) log(1 − p))，p = sigmoid(z)，q = y (1 − p) + (1 − "
            "y) p 为错误类别的概率，a = y α + (1 − y) (1 − α)，没有 α 时为 1。"
        ),
        "bootstrapping": (
            "J⁽ⁱ⁾ = −β log p_y − (1 − β) log max_k pₖ (hard)，或 −β log p_y − (1 − β) ∑ₖ pₖ log pₖ "
            "(soft)，p = softmax(z)。"
        ),
        "categorical_focal": "J⁽ⁱ⁾ = −α (1 − p_y)ᵞ log p_y，p = softmax(z)。",
        "center_net": (
            "z 为得分，p = sigmoid(z)，y 为各峰，n 为 y = 1 的格数，b、t 为 m 个有标记的格中的框（n 和 "
            "m 至少为 1）：J⁽ⁱ⁾ = −1/n (∑_(y = 1) (1 − p)² log p + ∑_(y < 1) (1 − y)⁴ p² log(1 − p)) + "
            "box_weight/m ∑ |b − t|。"
        ),
        "circle": (
            "dᵢⱼ = 1 − cos(zᵢ, zⱼ)，m 为间隔：J⁽ⁱ⁾ = log(1 + ∑ₙ exp(γ (1 + m − dᵢₙ) (1 − m − dᵢₙ)) ∑ₚ "
            "exp(−γ (m + dᵢₚ) (m − dᵢₚ)))，n 取其他类别的样本（1 + m − d 小于 0 时取 0），p "
            "取同类的其他样本；缺少任一种时为 0。"
        ),
        "contrastive": "d 为两者的距离：同类时 J⁽ⁱ⁾ = d²/2，异类时为 max(0, margin − d)²/2。",
        "cosine_embedding": "c 为夹角的余弦：同类时 J⁽ⁱ⁾ = 1 − c，异类时为 max(0, c − margin)。",
        "cosine_similarity": "J⁽ⁱ⁾ = −∑_d ŷ_d y_d / (|ŷ| |y|)，从 −1（方向相同）到 1（方向相反）。",
        "cross_entropy": (
            "J⁽ⁱ⁾ = −∑ₖ wₖ tₖ log softmax(z)ₖ，其中 t = (1 − s) onehot(y) + s/K；w = 1 时对 z 的梯度为 "
            "softmax(z) − t。"
        ),
        "dice": "p = sigmoid(z)：J⁽ⁱ⁾ = 1 − 2 ∑(y p) / (∑(y) + ∑(p))。",
        "gaussian_nll": "J⁽ⁱ⁾ = 1/O ∑ₒ (log vₒ + (mₒ − yₒ)² / vₒ) / 2，full 时再加 log(2 π)/2。",
        "generalized_cross_entropy": "J⁽ⁱ⁾ = (1 − p_y^q)/q，p = softmax(z)。",
        "half_mse": "J⁽ⁱ⁾ = 1/2 ∑ₒ (ŷₒ − yₒ)²；对 ŷ 的梯度为 ŷ − y。",
        "hinge": "J⁽ⁱ⁾ = 1/O ∑ₒ max(0, 1 − yₒ zₒ)，是为 y = 1，否为 −1。",
        "hinge_embedding": "J⁽ⁱ⁾ 为均值：同类处取 x，异类处取 max(0, margin − x)。",
        "huber": (
            "d = ŷ − y，c 为截到 [−δ, δ] 的 d：J⁽ⁱ⁾ = 1/O ∑ₒ c (d − c/2)，即 δ 以内为 d²/2，以外为 δ "
            "(|d| − δ/2)；对 ŷ 的梯度为 c/O。"
        ),
        "kl_divergence": "J⁽ⁱ⁾ = ∑ₖ yₖ (log yₖ − ŷₖ)，其中 0 log 0 = 0。",
        "log_cosh": (
            "J⁽ⁱ⁾ = 1/O ∑ₒ log cosh(dₒ)，d = ŷ − y，按 d + softplus(−2 d) − log 2 计算；对 ŷ 的梯度为 "
            "tanh(d)/O。"
        ),
        "margin_ranking": "J⁽ⁱ⁾ = max(0, −y (z₁ − z₂) + margin)，是为 y = 1，否为 −1。",
        "msle": "J⁽ⁱ⁾ = 1/O ∑ₒ (log(1 + ŷₒ) − log(1 + yₒ))²；小于 10⁻⁷ 的值以 10⁻⁷ 代替。",
        "poisson": (
            "强度 r = exp(ŷ)，或 r = ŷ：J⁽ⁱ⁾ = 1/O ∑ₒ rₒ − yₒ log rₒ；full 时在 y > 1 处再以斯特林公式 "
            "y log y − y + log(2 π y)/2 代替 log y!，它没有梯度。"
        ),
        "quantile": (
            "J⁽ⁱ⁾ = 1/O ∑ₒ max(qₒ dₒ, (qₒ − 1) dₒ)，d = y − ŷ；目标较大处对 ŷ 的梯度为 −qₒ/O，较小处为 "
            "(1 − qₒ)/O。"
        ),
        "smooth_l1": "J⁽ⁱ⁾ = 1/O ∑ₒ huber_β(ŷₒ − yₒ) / β：β 以内为 d²/(2 β)，以外为 |d| − β/2。",
        "soft_cross_entropy": (
            "J⁽ⁱ⁾ = −∑ₖ wₖ tₖ log softmax(z)ₖ，其中 t = (1 − s) y + s/K；w = 1、s = 0 且 ∑ₖ yₖ = 1 时，"
            "对 z 的梯度为 softmax(z) − y。"
        ),
        "soft_margin": (
            "J⁽ⁱ⁾ = 1/O ∑ₒ log(1 + exp(−yₒ zₒ))，是为 y = 1，否为 −1。目标为 0 和 1 时即 "
            "binary_cross_entropy。"
        ),
        "squared_hinge": "J⁽ⁱ⁾ = 1/O ∑ₒ max(0, 1 − yₒ zₒ)²，是为 y = 1，否为 −1。",
        "symmetric_cross_entropy": (
            "J⁽ⁱ⁾ = −α log p_y − β A (1 − p_y)，p = softmax(z)。第二部分是反向交叉熵 −∑ₖ pₖ log tₖ，以 "
            "A 代替 log 0。"
        ),
        "tversky": "p = sigmoid(z)：J⁽ⁱ⁾ = 1 − ∑(y p) / (∑(y p) + α ∑(y (1 − p)) + β ∑((1 − y) p))。",
    },
    "optimizer": {
        "adabelief": (
            "m 同 Adam；s ← b2 s + (1 − b2) (g − m)² + ε；w ← w − learning_rate m' / (√(s') + ε)。"
        ),
        "adafactor": (
            "k = t^β2_decay；r ← r + k (g² 沿行的均值 − r)，c 同样沿列更新；s = r c / mean(r)；u = g / "
            "√(s)；a = max(min_scale, rms(w)) min(learning_rate, 1/√(t))；w ← w (1 − learning_rate "
            "weight_decay) − a u / max(1, rms(u) / clip_threshold)。"
        ),
        "adam": (
            "m ← b1 m + (1 − b1) g；s ← b2 s + (1 − b2) g²；w ← w − learning_rate m' / (√(s') + ε)，第 "
            "t 次更新时 m' = m / (1 − b1ᵗ)，s' = s / (1 − b2ᵗ)。amsgrad 时以至今最大的 s 代替 s。"
        ),
        "adamw": "w ← w (1 − learning_rate weight_decay)，再做一步 Adam。",
        "adan": (
            "d = g − h，h 为上一次的梯度，最初为 0；m ← b1 m + (1 − b1) g；v ← b2 v + (1 − b2) d；s ← "
            "b3 s + (1 − b3) (g + b2 d)²；w ← (w − learning_rate (m' + b2 v') / (√(s') + ε)) / (1 + "
            "learning_rate weight_decay)。"
        ),
        "asgd": (
            "第 t 步 η = learning_rate / (1 + shrink learning_rate (t − 1))^power；w ← w (1 − shrink "
            "η) − η g；a ← a + (w − a) / max(1, t − 1 − start)；评估网络时用 a。"
        ),
        "lamb": (
            "m、s 同 Adam；r = m' / (√(s') + ε) + weight_decay w；w ← w − learning_rate r |w| / |r|，w "
            "或 r 为 0 时商取 1。"
        ),
        "lars": (
            "q = trust_coefficient |w| / (|g| + weight_decay |w| + ε)，w 或 g 为 0 时取 1；v ← m v + "
            "learning_rate q (g + weight_decay w)；w ← w − v。"
        ),
        "lbfgs": (
            "d = −H g，H 是改动最小、且把 g 的最近几次变化 y 变为最近几次移动 s "
            "的逆海森矩阵（双循环递推）；步长 t 满足强 Wolfe 条件 J(w + t d) ≤ J(w) + armijo t g.d 和 "
            "|g(w + t d).d| ≤ −curvature g.d。"
        ),
        "muon": (
            "m ← momentum m + (1 − momentum) g；u = momentum m + (1 − momentum) g，不用 nesterov 时为 "
            "m；X = u / |u|，然后重复 ns_steps 次 X ← a X + (b A + c A A) X，A = X Xᵀ；w ← w (1 − "
            "learning_rate weight_decay) − learning_rate √(max(1, rows/columns)) X。"
        ),
        "nadam": (
            "uₜ = b1 (1 − 0.96^(t momentum_decay) / 2)，Uₜ = u₁ u₂ … uₜ；m、s 同 Adam；w ← w − "
            "learning_rate ((1 − uₜ) g / (1 − Uₜ) + uₜ₊₁ m / (1 − Uₜ₊₁)) / (√(s') + ε)。"
        ),
        "radam": (
            "R = 2 / (1 − b2) − 1；r = R − 2 t b2ᵗ / (1 − b2ᵗ)；q = √((r − 4) (r − 2) R / ((R − 4) (R "
            "− 2) r))；r > 5 时 w ← w − learning_rate m' q √(1 − b2ᵗ) / (√(s) + ε)，否则 w − "
            "learning_rate m'。"
        ),
        "rmsprop": (
            "s ← a s + (1 − a) g²；d = g / (√(s) + ε)；w ← w − learning_rate d。有动量时 v ← m v + d，"
            "w ← w − learning_rate v。centered 时以 s − c² 代替 s，c ← a c + (1 − a) g："
            "用方差代替平方。"
        ),
        "rprop": (
            "g h > 0 时 q 为 η_plus，g h < 0 时为 η_minus，否则为 1，h 为上一步的梯度；d ← clip(d q, "
            "min_step_size, max_step_size)；g h < 0 处 g ← 0；w ← w − d sign(g)；h ← g。"
        ),
        "schedule_free_adamw": (
            "s ← b2 s + (1 − b2) g²；d = g / (√(s / (1 − b2ᵗ)) + ε) + weight_decay y；c = "
            "learning_rate² / (至今 learning_rate² 之和)，较小的 learning_rate 以至今最大的代替；x = "
            "(y − (1 − b1) z) / b1；z ← z − learning_rate d；x ← (1 − c) x + c z；y ← b1 x + (1 − b1) "
            "z。"
        ),
        "yogi": "m 同 Adam；s ← s − (1 − b2) sign(s − g²) g²；w ← w − learning_rate m' / (√(s') + ε)。",
        "EMA": "第一步 a ← w，之后 a ← decay a + (1 − decay) w。",
        "SWA": "在第 start、start + every、start + 2 every、… 步：第 n 次 a ← a + (w − a) / n。",
    },
    "schedule": {
        "Cosine": (
            "min_learning_rate + (initial_learning_rate − min_learning_rate) (1 + cos(π t)) / 2，t = "
            "min(1, step / decay_steps)。"
        ),
        "CosineRestarts": (
            "min_learning_rate + (initial_learning_rate m_mulⁿ − min_learning_rate) (1 + cos(π u)) / "
            "2，n 为至今重启的次数，u 为当前周期已过的比例；第 n 个周期有 first_decay_steps t_mulⁿ "
            "次更新。"
        ),
        "Cyclic": (
            "base_learning_rate + (max_learning_rate − base_learning_rate) h s，s 为当前三角波的高度，"
            '0 到 1；h = 1 ("triangular")，n 个周期之后为 1/2ⁿ ("triangular2")，或 γ^step '
            '("exp_range")。'
        ),
        "ExponentialDecay": (
            "initial_learning_rate decay_rate^(step / decay_steps)；staircase 时为 floor(step / "
            "decay_steps)。"
        ),
        "InverseTimeDecay": (
            "initial_learning_rate / (1 + decay_rate step / decay_steps)；staircase 时为 floor(step / "
            "decay_steps)。"
        ),
        "MultiStep": "initial_learning_rate γ^(≤ step 的节点个数)。",
        "Noam": "scale units^(−0.5) min(t^(−0.5), t warmup_steps^(−1.5))，t = step + 1。",
        "OneCycle": (
            "在 total_steps 的前 pct_start 部分，从 low = max_learning_rate/div_factor 升到 "
            "max_learning_rate；其余部分从 max_learning_rate 降到 low/final_div_factor，"
            "沿半个余弦或直线。"
        ),
        "PiecewiseConstant": "boundaries 中有 i 个 ≤ step 时为 values[i]。",
        "PolynomialDecay": (
            "end_learning_rate + (initial_learning_rate − end_learning_rate) (1 − t)^power，t = min(1, "
            "step / decay_steps)。"
        ),
        "Warmup": (
            "min(1, (step + 1) / warmup_steps) then(max(0, step − warmup_steps))，then 是随后的调度。"
        ),
    },
    "initializer": dict.fromkeys(
        (
            "he",
            "he_normal",
            "lecun",
            "lecun_normal",
            "xavier",
            "xavier_normal",
            "Scaled",
        ),
        _SCALED,
    ),
    "metric": {
        "balanced_accuracy": "TP / (TP + FN) 在目标中各类别上的均值",
        "roc_auc": "P(正例的得分 > 负例的得分)",
        "exact_match": "∑ᵢ wᵢ [对所有标签 predicted_i = yᵢ] / ∑ᵢ wᵢ",
        "top_k_accuracy": "∑ᵢ wᵢ [yᵢ 的名次 ≤ k] / ∑ᵢ wᵢ",
        "mean_iou": "TP / (TP + FP + FN) 在所有类别上的均值",
        "precision_at_top": "得分最高的 t n 行中的命中数 / (t n)",
        "precision_at_recall": "max Pₙ，取 Rₙ ≥ r 的 n",
        "recall_at_precision": "max Rₙ，取 Pₙ ≥ p 的 n",
        "sensitivity_at_specificity": "max Rₙ，取 specificity_n ≥ s 的 n",
        "specificity_at_sensitivity": "max specificity_n，取 Rₙ ≥ r 的 n",
        "calibration_error": "∑_b |correct_b − confidence_b 之和| / n",
        "cosine_similarity": "y.p / (|y| |p|) 的均值",
        "hinge": "max(0, 1 − s p) 的均值；y > 0 时 s = 1，否则为 −1",
        "categorical_hinge": "max(0, 1 + 其他类别的最大 p − 该类别的 p) 的均值",
    },
    "augmentation": {
        "AugMix": (
            "out = m x + (1 − m) ∑ᵢ wᵢ chain_i(x)，m 在 [0, 1) 上均匀分布，w "
            "在单纯形上均匀分布（Dirichlet 分布，α = 1）。"
        ),
        "Blur": (
            "out_q = ∑ w_d in_(q + d)，对 d 求和；w_d = exp(−d² / (2 σ²)) / 其总和，沿每个轴，到三个 σ "
            "为止；边缘像素向外重复。"
        ),
        "Elastic": (
            "像素 q 取自 q + d(q)。在网格点上，d 在边长的 −strength 到 strength 倍之间均匀分布；"
            "其他位置由 q 周围的四个网格点插值，沿每个轴的权重为 1 − t² (3 − 2 t) 和 t² (3 − 2 t)，t "
            "为从一点到下一点的比例。"
        ),
        "EqualizeTiles": (
            "在每个图块和通道中，256 个灰度级的直方图截到其均值的 limit 倍，多出的部分平均分配；"
            "每一级映射为不更亮的像素的比例。图块中心之间由最近的四个图块双线性插值。"
        ),
        "Perspective": (
            "(u, v) 处的像素（均为 0 到 1）取自 ((a u + b v + c) / w, (d u + e v + f) / w)，w = g u + "
            "h v + 1，这是把四角变到新位置的唯一映射（Heckbert）。"
        ),
        "CutMix": (
            "矩形与图像的长宽比相同，面积占 1 − s，s ~ Beta(α, α)，中心均匀随机，超出边界的部分截去。"
            "比例是未被替换的面积所占的份额。"
        ),
    },
    "penalty": {
        "OrthogonalPenalty": "strength 乘以所有行对夹角的 |cos| 的均值。",
    },
    "constraint": {
        "MaxNorm": "w ← w min(|w|, max_value) / (|w| + 10⁻⁷)，逐单元计算。",
        "MinMaxNorm": (
            "w ← w (rate clip(|w|, min_value, max_value) + (1 − rate) |w|) / (|w| + 10⁻⁷)，逐单元计算。"
        ),
        "UnitLength": "w ← w / (|w| + 10⁻⁷)，逐单元计算。",
    },
    "op": {
        "mean": "y = ∑(x)/n，n 为沿这些轴的元素个数；对每个元素的梯度为 dy/n。",
        "variance": "y = ∑((x − m)²)/(n − correction)，m 为沿这些轴的 n 个元素的均值。",
        "max_pool": "y_c = max x_c，取自一个窗口的各格，逐通道计算。",
        "average_pool": "y_c = 1/n ∑ x_c，对一个窗口的 n 格求和，逐通道计算。",
    },
}
