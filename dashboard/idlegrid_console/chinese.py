"""The console's words in Chinese (simplified), by their English.

任务 is a run, 节点 a node, 主人 a node's owner, 沙箱 the sandbox: one word for one thing, as in English.
"""

CHINESE = {
    # The frame
    "Coordinator": "协调器",
    "Overview": "概览",
    "Submit": "提交",
    "Runs": "任务",
    "Nodes": "节点",
    # What a run is doing, and why
    "waiting": "等待中",
    "running": "运行中",
    "done": "已完成",
    "failed": "失败",
    "cancelled": "已取消",
    "took longer than its time limit": "运行超过了时间限制",
    "used more CPU time than it may": "使用的 CPU 时间超过了限制",
    "needed more memory than it asked for": "需要的内存超过了申请的数量",
    "started more processes than it may": "启动的进程数超过了限制",
    "printed more than it may": "输出的内容超过了限制",
    "wrote more to the disk than it may": "写入磁盘的数据超过了限制",
    "its node's own memory ran short": "所在节点自身的内存不足",
    "its sandbox could not be set up": "无法建立沙箱",
    "its code raised an error": "代码运行出错",
    "its node went away": "所在节点失去联系",
    "called off by its submitter": "由提交者取消",
    "frozen while the owner is there": "主人在使用机器，暂时冻结",
    "the owner came back": "主人回来了",
    "waits for another run": "等待另一个任务",
    "a run it depends on failed": "所依赖的任务失败了",
    "waits before its next attempt": "等待下一次尝试",
    "time limit": "时间限制",
    "CPU limit": "CPU 限制",
    "memory limit": "内存限制",
    "process limit": "进程数限制",
    "output limit": "输出限制",
    "disk limit": "磁盘限制",
    "memory floor of the node": "节点的内存底线",
    "low": "低",
    "normal": "普通",
    "high": "高",
    "critical": "紧急",
    # Sandboxes
    "4 isolated + metered": "4 隔离并由内核计量",
    "3 isolated": "3 隔离",
    "2 files + network": "2 文件与网络",
    "1 limits only": "1 仅有限额",
    "0 refuses work": "0 拒绝任务",
    "Runs see no files, processes or network of this machine, and the kernel itself holds them to their memory, "
    "CPU and processes.": "任务看不到本机的文件、进程和网络，并由内核限制其内存、CPU 和进程数。",
    "Runs see no files, processes or network of this machine; the node itself watches that they keep to their "
    "memory.": "任务看不到本机的文件、进程和网络；内存由节点自己监视。",
    "Runs can read and write no files but their own and open no connection; they can see what else runs here.": (
        "任务只能读写自己的文件，不能建立网络连接；但能看到本机上还在运行什么。"
    ),
    "Runs are held to their limits and to nothing else: the owner of this machine trusts all who submit.": (
        "任务只受限额约束，别无限制：这台机器的主人信任所有提交者。"
    ),
    "This node takes no work: nothing here could keep a run from the machine.": (
        "此节点不接受任务：这里没有任何办法把任务与机器隔开。"
    ),
    "This node does not say how it isolates runs: its operator answers for it.": (
        "此节点没有说明如何隔离任务：由其管理员负责。"
    ),
    "metered by the kernel (cgroup v2)": "由内核计量（cgroup v2）",
    "metered by the kernel (cgroup v1)": "由内核计量（cgroup v1）",
    "watched by the node": "由节点监视",
    "Sandbox": "沙箱",
    "How well it isolates runs": "对任务的隔离程度",
    "Provided by": "由何提供",
    "Kernel": "内核",
    "Memory and processes": "内存与进程数",
    "Self-test": "自检",
    "{passed} of {checks} hostile programs held": "挡住了 {checks} 个恶意程序中的 {passed} 个",
    "tested at {time}": "检测于 {time}",
    "Why it is not higher": "为什么不是更高级别",
    "What raises it, as the node says; read it before you run it there": (
        "节点给出的提升办法；在该机器上执行之前请先看清楚"
    ),
    "at least {level}": "至少 {level}",
    "{level} (default)": "{level}（默认）",
    "Sandbox level of the node, at least": "节点的沙箱级别不低于",
    "Left as it is, the level is 3, and workers that cannot tell theirs are taken at their operator's word.": (
        "保持默认时级别为 3；不能说明自身级别的工作机按其管理员的说法采用。"
    ),
    "Choose a node by the box at its left to see its sandbox, and what would make it better.": (
        "勾选左侧方框选择一个节点，可查看其沙箱以及如何改进。"
    ),
    # What a node is doing, and why
    "idle": "空闲",
    "frozen": "已冻结",
    "evicting": "正在撤离",
    "busy": "忙碌",
    "cooling": "冷却中",
    "paused": "已暂停",
    "draining": "排空中",
    "unknown": "未知",
    "offline": "离线",
    "the owner is away": "主人不在",
    "offers itself at all times": "始终可用",
    "keyboard or mouse in use": "键盘或鼠标正在使用",
    "other programs are busy": "其他程序正忙",
    "on battery": "使用电池供电",
    "memory is short": "内存不足",
    "owner cannot be watched": "无法得知主人是否在场",
    "no working sandbox": "没有可用的沙箱",
    "has just started": "刚刚启动",
    "paused by its owner": "被主人暂停",
    "drained by the operator": "被管理员排空",
    "was shut down": "已关闭",
    "waits until the owner stays away": "等待主人真正离开",
    "was frozen for too long": "冻结时间过长",
    "has not been heard of": "没有消息",
    "there": "在场",
    "away": "不在",
    "just left": "刚离开",
    "not watched": "不监视",
    "State": "状态",
    "Reason": "原因",
    "Since": "开始于",
    "Owner": "主人",
    "Slots": "槽位",
    "CPU": "CPU",
    "Memory": "内存",
    "Last heartbeat": "上次心跳",
    "Version": "版本",
    "Offers": "提供",
    "Used, of those it offers": "已用 / 可提供",
    "{cores:g} cores, {memory:.3g} GB": "{cores:g} 核，{memory:.3g} GB",
    "A node takes work only in the states *idle* and *running*. To lend another machine, run there:": (
        "节点只在*空闲*和*运行中*时接受任务。要借出另一台机器，请在那里运行："
    ),
    "No node yet.": "还没有节点。",
    "Run this on a spare machine, or on this one, to lend its idle time to the grid:": (
        "在一台闲置的机器（或本机）上运行以下命令，把空闲时间借给网格："
    ),
    # Overview
    "**Runs**": "**任务**",
    "**Nodes**": "**节点**",
    "15 minutes": "15 分钟",
    "1 hour": "1 小时",
    "24 hours": "24 小时",
    "Waiting": "等待中",
    "Queued, or waiting for another run or the next attempt.": "排队中，或在等待另一个任务或下一次尝试。",
    "Running": "运行中",
    "On a node now, those frozen while its owner is there included.": "正在节点上，包括主人在场时被冻结的。",
    "Done": "已完成",
    "Ended with exit status 0, since the record was made.": "自有记录以来，以退出状态 0 结束的。",
    "Failed": "失败",
    "Ended otherwise: errors, time limits and cancellations.": "以其他方式结束的：出错、超时和取消。",
    "Idle": "空闲",
    "Ready to take a run.": "可以接受任务。",
    "Working": "工作中",
    "Running at least one run.": "正在运行至少一个任务。",
    "With owner": "归主人使用",
    "The owner is there, has just left, has paused it, or cannot be told.": (
        "主人在场、刚离开、暂停了它，或无法得知。"
    ),
    "Offline": "离线",
    "Not heard of, shut down, or draining.": "没有消息、已关闭或排空中。",
    "Span": "时间范围",
    "Throughput (runs)": "吞吐量（任务）",
    "Run times (runs)": "运行时间（任务）",
    "Queue depth (runs waiting)": "队列深度（等待的任务）",
    "Nodes by state": "节点状态分布",
    "submitted": "已提交",
    "runs": "任务",
    "nodes": "节点",
    # Runs
    "Status": "状态",
    "all": "全部",
    "No run is {status}.": "没有任务处于“{status}”状态。",
    "No runs yet.": "还没有任务。",
    "Submit code on the Submit page, or from a shell:": "在“提交”页面提交代码，或在命令行中：",
    "Choose a run by the box at its left to see its result, log and events.": (
        "勾选左侧方框选择一个任务，可查看其结果、日志和事件。"
    ),
    "Run": "任务",
    "Run {id}": "任务 {id}",
    "Task": "作业",
    "Submitted": "提交于",
    "Started": "开始于",
    "Result": "结果",
    "Node": "节点",
    "Run time": "运行时间",
    "{taken} of {allowed}": "{taken}，限 {allowed}",
    "CPU time": "CPU 时间",
    "Peak memory": "内存峰值",
    "{peak:.3g} MB of {asked:g} MB": "{peak:.3g} MB，限 {asked:g} MB",
    "Peak processes": "进程数峰值",
    "Exit status": "退出状态",
    "Ended by": "终止原因",
    "Asked for": "申请的资源",
    "{cpu:g} core, {memory:g} MB": "{cpu:g} 核，{memory:g} MB",
    "{cpu:g} cores, {memory:g} MB": "{cpu:g} 核，{memory:g} MB",
    "Priority": "优先级",
    "Attempts": "尝试次数",
    "Submitter": "提交者",
    "**Files of run {id}**": "**任务 {id} 的文件**",
    "Download": "下载",
    "Ask again": "再试一次",
    "Log": "日志",
    "Events": "事件",
    "Code": "代码",
    "Cancel": "取消",
    "Run {id} is called off.": "任务 {id} 已取消。",
    "Run {id} had ended already.": "任务 {id} 早已结束。",
    "No result yet: it appears here as soon as the run ends. Written so far:": (
        "还没有结果：任务一结束就会显示在这里。目前的输出："
    ),
    "Error": "错误",
    "Standard output": "标准输出",
    "It ended well and wrote nothing.": "正常结束，没有输出。",
    "It wrote more than is kept: this is the beginning.": "输出超过了保留的上限：这里是开头部分。",
    "everything": "全部",
    "output": "输出",
    "errors": "错误",
    "Stream": "输出流",
    "Nothing written.": "没有输出。",
    "Nothing written yet.": "还没有输出。",
    "{number} characters before this are not shown.": "前面还有 {number} 个字符没有显示。",
    "No node has taken it yet.": "还没有节点接手。",
    "Attempt": "尝试",
    "Leased": "领取于",
    "Ended": "结束于",
    "Outcome": "结局",
    "Time": "时间",
    "Event": "事件",
    "Detail": "详情",
    # Submit
    "Python code": "Python 代码",
    "Time limit (s)": "时间限制（秒）",
    "Cores": "核数",
    "Memory (MB)": "内存（MB）",
    "More": "更多",
    "Labels that the node must carry": "节点必须带有的标签",
    "Parameters (a JSON object)": "参数（JSON 对象）",
    "The code finds them with `idlegrid.parameters()`, or as JSON in `$IDLEGRID_PARAMETERS`.": (
        "代码用 `idlegrid.parameters()` 读取，或从 `$IDLEGRID_PARAMETERS` 读取 JSON。"
    ),
    "The parameters are not JSON: {error}": "参数不是 JSON：{error}",
    'The parameters are JSON, but not an object: write {"name": value}': (
        '参数是 JSON，但不是对象：请写成 {"name": value}'
    ),
    "Run it": "运行",
    "The run's status, log and result appear here.": "任务的状态、日志和结果会显示在这里。",
    # When something is wrong
    "API key": "API 密钥",
    "It is kept for this browser tab only. `idlegrid up` prints one when it asks for keys.": (
        "只在此浏览器标签页中保留。`idlegrid up` 要求密钥时会打印一个。"
    ),
    "The coordinator at {url} does not answer. Start one with `idlegrid up`, or name yours with "
    "`idlegrid console --server URL`. This page tries again by itself.": (
        "{url} 上的协调器没有响应。请用 `idlegrid up` 启动一个，或用 `idlegrid console --server URL` "
        "指定您的协调器。本页会自动重试。"
    ),
    "The coordinator at {url} does not answer. Below is what was known at {clock}; this page tries again by itself.": (
        "{url} 上的协调器没有响应。以下是 {clock} 时已知的内容；本页会自动重试。"
    ),
}
"""Every message of the console; a test compares them with those in the code."""
