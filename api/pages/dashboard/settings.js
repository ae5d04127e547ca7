// What the server wrote into the page: the ids of our documents, the issuers to sign in with, the demo's key.
export const settings = JSON.parse(document.getElementById("settings").textContent);
