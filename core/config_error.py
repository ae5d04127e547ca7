class ConfigError(Exception):
    """A setting that is wrong; `path` is where it stands: `servers.R7.connection`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem
