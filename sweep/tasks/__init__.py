"""The kinds of questions: a task says what is asked of which networks, answers it, and says how an answer is recorded."""

from sweep.tasks.base import Improved, PreparedTask, Task, TaskInstance, TaskWork

__all__ = ["Improved", "PreparedTask", "Task", "TaskInstance", "TaskWork"]
