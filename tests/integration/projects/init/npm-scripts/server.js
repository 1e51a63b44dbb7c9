// A service of node's own, with a package that runs a script when it is installed.
const http = require("node:http");
const capitalize = require("es5-ext/string/#/capitalize");

if (capitalize.call("a") !== "A") process.exit(1);
http
  .createServer((request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ version: "one" }));
  })
  .listen(8000);
process.on("SIGTERM", () => process.exit(0));
