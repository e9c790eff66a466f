// Run by mongosh (restore.sh): puts the documents of FILE, as dump.js writes it, into databases that it empties first.
// EJSON is the shell's own; a script cannot require the module that has it.
const fs = require("fs");
const env = process.env;
if (!db.getSiblingDB("local").auth({ user: "__system", pwd: env.MONGO_REPLICA_KEY, mechanism: "SCRAM-SHA-256" }).ok) {
  throw new Error("the server does not take MONGO_REPLICA_KEY");
}
for (const name of ["logs", "email"]) db.getSiblingDB(name).dropDatabase();

let documents = 0;
const batches = new Map();
const insert = (place) => {
  const [name, ...collection] = place.split(".");
  const lines = batches.get(place);
  if (!lines || lines.length === 0) return;
  const options = { ordered: false, writeConcern: { w: "majority", j: true } };
  documents += db.getSiblingDB(name).getCollection(collection.join(".")).bulkWrite(
    lines.map((document) => ({ insertOne: { document } })), options).insertedCount;
  batches.set(place, []);
};
const take = (line) => {
  const [place, text] = [line.slice(0, line.indexOf("\t")), line.slice(line.indexOf("\t") + 1)];
  if (!batches.has(place)) batches.set(place, []);
  batches.get(place).push(EJSON.parse(text, { relaxed: false }));
  if (batches.get(place).length === 1000) insert(place);
};

const file = fs.openSync(env.FILE, "r");
const buffer = Buffer.alloc(1 << 20);
let rest = Buffer.alloc(0);
for (;;) {
  const size = fs.readSync(file, buffer, 0, buffer.length, null);
  if (size === 0) break;
  rest = Buffer.concat([rest, buffer.subarray(0, size)]);
  for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
    take(rest.subarray(0, end).toString("utf8"));
    rest = rest.subarray(end + 1);
  }
}
for (const place of batches.keys()) insert(place);
print(documents);
