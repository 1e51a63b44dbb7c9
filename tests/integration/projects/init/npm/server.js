// An Express service.
const express = require("express");

const app = express();
app.get("/", (request, response) => response.json({ version: "one" }));
app.listen(process.env.PORT || 8000);
process.on("SIGTERM", () => process.exit(0));
