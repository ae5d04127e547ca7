from sandbox.__main__ import main as command

__all__ = ["command"]
