class ConfigError(Exception):
    """A wrong setting. `path` is its full name, such as `servers.R7.connection`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem
