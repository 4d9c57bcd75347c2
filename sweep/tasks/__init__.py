"""Tasks: each says which networks it needs, draws its instances, answers them, and says how an answer is recorded."""

from sweep.tasks.base import Improved, PreparedTask, Task, TaskInstance, TaskWork

__all__ = ["Improved", "PreparedTask", "Task", "TaskInstance", "TaskWork"]
