"""解释所用的中文句子。"""

WORDS: dict[str, str] = {
    # 标题
    "title": "用一个样本的数字逐步讲解一次训练更新",
    "title_many": "用 {n} 个样本的数字逐步讲解一次训练更新",
    "title_weight": "权重 {weight} 的账目",
    "one_line": "概要",
    "notation": "记号说明",
    "forward": "前向传播",
    "backward": "反向传播",
    "derivatives": "全部偏导数（{n} 个）",
    "chain_letters": "用字母写出的链式法则",
    "full": "每个偏导数的完整链条",
    "update": "更新",
    "effect": "损失下降了吗？",
    "shrinking": "为什么靠前的层学得慢？",
    "signal_sizes": "误差信号逐层如何变化？",
    "samples": "{n} 个样本并排比较",
    "matrices": "矩阵形式：所有样本一起算",
    "pitfalls": "常见错误",
    "checked": "数值检验",
    "cautions": "注意",
    "not_finite": "出现了非有限数：先解释它",
    "chain": "从损失到这个权重",
    "product": "写成一个乘积",
    # 公式编号
    "F": "前",
    "B": "反",
    "U": "更",
    "C": "链",
    # 小词
    "comma": "、",
    "clause": "{clause}",
    "equal": "{name} = {value}",
    "moved": "{name} {old} → {new}",
    "outputs_moved": "{outputs}。",
    "falls": "下降",
    "rises": "上升",
    "stays": "不变",
    "label_of": "{number}（{label}）",
    "more_lines": "……另有 {n} 个",
    "more_short": "……另有 {n} 个",
    # 表头
    "derivative": "偏导数",
    "derivative_short": "梯度",
    "formula": "公式",
    "numbers": "代入数字",
    "result": "结果",
    "meaning": "含义",
    "parameter": "参数",
    "old": "原值",
    "new": "新值",
    "move": "变化",
    "of_size": "占自身大小",
    "term": "项",
    # 一句话
    "line_value": "网络输出 {output}，而期望是 {target}；更新一步后输出{moves}，损失{change}。",
    "line_class": "网络给期望类别 {target} 的概率是 {output}；更新一步后该概率{moves}，损失{change}。",
    "line_mean": "{n} 个样本的平均损失为 {old}；更新一步后{change}。",
    "line_loss": "损失为 {old}；更新一步后{change}。",
    "changes_from": "由 {old} {moves}到 {new}",
    "changes_to": "{moves}到 {new}",
    "line_price": "其中误差为 {data}，对大权重的惩罚为 {cost}：更新可能主要降低后者。",
    # 记号
    "letters": (
        "x 是输入，w 是权重，b 是偏置，z 表示加权和，a 表示由它得到的激活值，"
        "ŷ 是网络的输出，y 是期望输出，J 是损失；δ = ∂J/∂z "
        "是传回加权和的误差信号。下标从 1 数起；右上角括号里的数字是层号。"
    ),
    "letters_weight": "例如，{weight} 从输入 {input} 通向第 {layer} 层的单元 {unit}。",
    "letters_member_weight": (
        "在集成中，第一个下标是网络的编号：{weight} 从输入 {input} 通向网络 {member} 第 {layer} 层的"
        "单元 {unit}。"
    ),
    "letters_state": "{letters}：网络中存储而不参加训练的数。",
    "letters_also_feeds": "{value} 也是第 {layers} 层的输入。",
    "features": "各个输入是：",
    "feature": "x{i}（{name}）= 原值 {raw}，网络收到的值为 {value}",
    "rounding": (
        "所有数字都按全精度（float64）计算，只在显示时四舍五入到小数点后 6 位，"
        "极小的数保留 6 位有效数字；因此用显示的数字相乘，"
        "末位可能与显示的结果略有出入。ŷ 和所有导数都取自推断模式下的网络（不含暂退法）。"
    ),
    "mean_one": "只有一个样本，n = 1：J 就是它的损失 J⁽¹⁾。",
    "mean_weighted": (
        "共有 n = {n} 个样本，权重为 ω⁽ⁱ⁾：J = Σ ω⁽ⁱ⁾·J⁽ⁱ⁾ / Σ ω⁽ⁱ⁾。"
        "类别权重、有标签的位置数都是 ω⁽ⁱ⁾ 的因子。"
        "右上角括号里的第二个数字是样本号（x、y、ŷ、J 和 ω 只有样本号）。误差信号 δ 是 ω⁽ⁱ⁾·J⁽ⁱ⁾ 的导数；"
        "除以 Σ ω⁽ⁱ⁾ = {sum} 只在参数的梯度里出现一次。"
    ),
    "mean_many": (
        "共有 n = {n} 个样本：J = (1/n) Σ J⁽ⁱ⁾。右上角括号里的第二个数字是样本号（x、y、ŷ 和 J "
        "只有样本号）。误差信号 δ 是样本自身损失 J⁽ⁱ⁾ 的导数；1/n 只在参数的梯度里出现一次。"
    ),
    "mean_one_penalty": "只有一个样本，n = 1：J 是它的损失 J⁽¹⁾ 加上对大权重的惩罚。",
    "layer_names": "各层是：{names}。",
    "layer_name": "第 ({number}) 层是 {path}。",
    # 前向
    "forward_intro": "每个单元先把输入加权求和，有激活函数时再应用它。",
    "shown_sample": "所示数值属于样本 {i}。",
    "losses_weighted": "{name}Σ ω⁽ⁱ⁾·J⁽ⁱ⁾ / Σ ω⁽ⁱ⁾ = {mean}，Σ ω⁽ⁱ⁾ = {sum}，其中 {losses}{more}。",
    "losses_of_samples": "{name}(1/{n}) Σ J⁽ⁱ⁾ = {mean}，其中 {losses}{more}。",
    "mean_penalty": "J 还包含对大权重的惩罚项。",
    "penalty": "权重的惩罚项为 {cost}；加上样本的损失 {data}，J = {loss}。",
    # 反向
    "backward_intro": "从损失开始反向计算：在每一站，把传来的梯度乘以该站的局部导数。",
    "backward_weighted": "误差信号是所示样本的；参数的梯度是全部 {n} 个样本的加权平均。",
    "backward_mean": "误差信号是所示样本的；参数的梯度是全部 {n} 个样本的平均。",
    "too_low": "输出偏低了 {by}",
    "too_high": "输出偏高了 {by}",
    "exact": "输出恰好正确",
    "saliency": "如果改变输入本身，损失会变化多少：",
    # 全部偏导数
    "raise_it": "增大它，损失下降",
    "lower_it": "增大它，损失上升：应当减小",
    "no_influence": "一阶近似下没有影响",
    "largest": (
        "列出最大的 {n} 个，其余 {left} 个未列出。它们占梯度范数平方的 {share}%。"
        '任何一个都可按名称查看：weight="{path}"。'
    ),
    "letters_intro": "每个因子是反向传播的一站；某层有多个单元时，各路径的贡献相加。",
    "full_intro": "一直展开到误差、权重和输入，直到公式不便再读为止。",
    # 更新
    "update_intro": "先计算所有梯度，再同时更新参数（{optimizer}，η = {rate}）。",
    "memory_names": "优化器为每个权重保存 {names}；′ 表示这次更新之后的值，t 是更新的次数。",
    "memory_first": "优化器状态取初始值（零），相当于它的第一次更新。",
    "memory_initial": "优化器状态取初始值，相当于它的第一次更新。",
    "memory_given": "优化器状态取给定的值。",
    "clipped": "更新前对梯度做了裁剪（{clip}）；ĝ 是裁剪后的梯度。",
    "loss_moved": "J：{old} → {new}，变化 {change}（按梯度预测为 {promise}）。",
    "promise_sgd": "预测的变化是 −η‖∇J‖² = {promise}：梯度乘以变化量，对所有参数求和。",
    "promise": "预测的变化是梯度乘以变化量，对所有参数求和：{promise}。",
    "curvature": "损失下降了。差额 {gap}（预测值的 {percent}%）来自曲率：梯度沿这一步发生变化。",
    "too_far": "梯度预测损失下降，实际却没有：相对于此处的曲率，步长过大。",
    "flat": "梯度为 0：这次更新不改变任何参数。",
    "no_move": "这次更新没有改变任何参数。",
    "uphill": (
        "按梯度预测，损失不会下降：这次更新不只取决于这个样本的梯度，还取决于优化器的状态，如动量或权重衰减。"
    ),
    # 为什么慢
    "shrinking_intro": (
        "反向传播中各层误差信号的范数 ‖δ‖，精确地写成两个因子之积：一个来自权重（连同两层之间的其他运算），"
        "一个来自激活函数的导数。"
    ),
    "split": (
        "第 ({near}) 层 → 第 ({far}) 层：{sent}；经过权重后为 {arrived}（×{weights}）；"
        "经过激活函数的导数后为 {left}（×{slopes}）；合计 ×{total}。"
    ),
    "split_weights": "第 ({near}) 层 → 第 ({far}) 层：{sent}；经过权重后为 {arrived}（×{weights}）。",
    "lost_in_slopes": "激活函数的导数使它衰减 {percent}%：这是最小规模的梯度消失。",
    "lost_in_weights": "权重使它衰减 {percent}%。",
    "lost_of_slopes": "激活函数的导数使它衰减 {percent}%。",
    "grew": "误差信号增大了 {percent}%。",
    # 多个样本
    "samples_weighted": "J 是 {n} 个损失的加权平均：每个样本以自身梯度的 ω⁽ⁱ⁾/{sum} 参与。",
    "samples_intro": "J 是 {n} 个损失的平均，所以每个样本只以自身梯度的 1/{n} 参与。",
    "opposite": (
        "样本 {i} 和样本 {j} 对 {parameter} 的梯度方向相反（{one} 与 {two}）；全部样本的平均为 {mean}。"
    ),
    # 矩阵与常见错误
    "numbered": "{i}. {text}",
    "matrices_penalty": "R 是惩罚项。",
    "matrices_intro": "X 的每一行是一个样本；⊙ 是按元素乘法；g 是该层的激活函数。",
    "simultaneous": "在其他权重的梯度算完之前就更新某个权重：应先算完所有梯度，再一起更新。",
    "one_over_n": "遗漏 1/n 或 1/2：方向不变，但步长错误。",
    "z_for_a": "该用 a 的地方用了 z：Sigmoid 的导数是 a(1 − a)，不是 z(1 − z)。",
    "forgotten_bias": "忘了偏置：它相当于输入恒为 1 的权重，所以它的梯度就是 δ 本身。",
    "sum_for_mean": "对一批样本求和而不是取平均：步长会随批量大小增长。",
    "sign": "更新的符号：要逆着梯度走，w − η·∂J/∂w；写成加号，损失就会上升。",
    # 检验与注意
    "checked_all": (
        "把全部 {total} 个参数逐个加减 {step}，重新计算损失；与公式的最大相对误差为 {error}，出现在 {where}。"
    ),
    "checked_some": (
        "从 {total} 个参数中用固定的种子抽出 {n} 个，逐个加减 {step}，重新计算损失；与公"
        "式的最大相对误差为 {error}，出现在 {where}。"
    ),
    "check_differs": (
        "公式给出 {analytic}，有限差分给出 {numeric}。在折点（ReLU 的 0 "
        "处）或极平坦处两者本来就会不同；在别处则说明有错。"
    ),
    "saturated": (
        "{where} 的 {total} 个值中有 {n} 个（{percent}%）处激活函数的导数小于 {limit}："
        "饱和的单元几乎不让误差信号通过。"
    ),
    "silent": ("{where} 的 {total} 个值中有 {n} 个（{percent}%）处于关闭状态：没有误差信号能经过它们传回。"),
    "tiny": "整个梯度的范数只有 {length}：这个样本此时几乎不改变任何参数。",
    "given_not_finite": "给定的 {where} 是 {value}；无法由它推导任何结果。",
    "arose_not_finite": "第一个非有限数出现在 {op}（{word}），层 {path}，位置 {index}：{value}。",
    "from_numbers": "它来自 {formula} = {numbers}。",
    # 第一层深度
    "stop_forward": (
        "{layer}：输入 {n_in} 个数，输出 {n_out} 个数（{name}）；最大值 {most}，在第 {unit} 个单元。"
    ),
    "the_output": "输出",
    "stop_class": "期望 {target}，给它的概率是 {output}，损失 {loss}。",
    "stop_places": "各处的期望值及其概率：{pairs}，损失 {loss}。",
    "stop_loss": "期望 {target}，得到 {output}，损失 {loss}。",
    "stop_backward": "{name}：梯度 {gradient}；它增加 {step}，损失约变化 {change}。",
    "stop_update": "{name}：{old} → {new}（变化 {move}，占自身大小的 {part}）。",
    "stop_update_zero": "{name}：{old} → {new}（变化 {move}）。",
    # 一个权重的账目
    "weight_is": "{name} 就是 {symbol} = {value}，是形状为 {shape} 的参数中的一个数。",
    "weight_meaning": "它的偏导数是 {gradient}：{meaning}。",
    "chain_intro": "从输出逐站返回到这个权重；有多条路径时，只沿贡献最大的三条。",
    "chain_intro_short": ("从输出逐站返回到这个权重；有多条路径时，只沿贡献最大的一条，并列出最大的三条。"),
    "residual": "仅由公式得 {value}；与存储的梯度的相对误差：{residual}。",
    "contributors_within": "其中含有 {n} 项之和，合计 {total}；最大的 {k} 项共 {shown}：",
    "contributors": "这是 {n} 项之和，合计 {total}；最大的 {k} 项共 {shown}：",
    "paths": "从损失出发的所有路径",
    "paths_intro": "每条路径是一串因子的乘积；偏导数是所有路径之和。",
    "paths_count": "共有 {n} 条路径，合计 {total}；最大的 {k} 条共 {shown}{share}。",
    "paths_cancel": "共有 {n} 条路径，合计在求和的舍入误差范围内为 0；最大的 {k} 条共 {shown}。",
    "paths_share": "（{percent}%）",
    "path": "路径",
    "contribution": "贡献",
    "if": "若",
    "else": "否则",
    "weight_checked": ("链式法则给出 {analytic}，加减 {step} 的有限差分给出 {numeric}：相对误差 {error}。"),
    "frozen": "这个参数已冻结，不更新。",
    "weight_moves_up": "它增大 {change}；仅由它自身的梯度，损失约变化 {promise}。",
    "weight_moves_down": "它减小 {change}；仅由它自身的梯度，损失约变化 {promise}。",
    "weight_stays": "它保持不变。",
    "weight_share": "这是整步预测变化的 {percent}%。",
    # 一个训练步的用时
    "profile_title": "一个训练步的用时",
    "profile_layers": "阶段与层",
    "profile_steps": "整个训练步",
    "profile_kernels": "各内核，按执行次序",
    "profile_whole": "批量大小为 {batch}。",
    "profile_divided": (
        "批量大小为 {batch}，分为 {parts} 份，每份至多 {rows} 个样本，同时计算 {replicas} 份。"
    ),
    "profile_given": "在给定的 {rows} 行数据和模型的副本上运行 {steps} 步后得出。",
    "profile_made_up": "在 {rows} 行形状相符的随机数据和模型的副本上运行 {steps} 步后得出。",
    "profile_peak": "单核上限：{flops}（大矩阵相乘），{bytes}（大块复制）。",
    "profile_cached": "超过复制速度的 100%：数据仍在缓存中。",
    "profile_stage": "阶段",
    "profile_layer": "层",
    "profile_kernel": "内核",
    "profile_calls": "调用",
    "profile_computes": "计算",
    "profile_time": "时间",
    "profile_share": "占比",
    "profile_flops": "浮点运算",
    "profile_flop_rate": "速度",
    "profile_of_peak": "占峰值",
    "profile_bytes": "字节",
    "profile_byte_rate": "速度",
    "profile_of_copy": "占复制",
    "profile_against": "与上一行相比",
    "profile_all": "所有内核",
    "profile_alone": "一步，1 个线程",
    "profile_together": "一步，{threads} 个线程",
    "profile_loss": "（损失）",
    "profile_optimizer": "（优化器）",
    "stage_gather": "取数据",
    "stage_forward": "前向传播",
    "stage_backward": "反向传播",
    "stage_join": "合并",
    "stage_update": "更新",
}
