// The editors' background workers, as files of this server: build.mjs fills in the names.

globalThis.MonacoEnvironment = {
  getWorkerUrl: (_id, label) => `/static/${WORKERS[label] ?? WORKERS.editor}`,
};
