// Run by mongosh (backup.sh): writes every document of the services' databases to FILE, one line of extended JSON each, with the
// collection before it. Indexes are not in it: the services make theirs at their start.
// EJSON is the shell's own; a script cannot require the module that has it.
const fs = require("fs");
const env = process.env;
if (!db.getSiblingDB("local").auth({ user: "__system", pwd: env.MONGO_REPLICA_KEY, mechanism: "SCRAM-SHA-256" }).ok) {
  throw new Error("the server does not take MONGO_REPLICA_KEY");
}
const file = fs.openSync(env.FILE, "w");
let documents = 0;
for (const name of ["logs", "email"]) {
  const database = db.getSiblingDB(name);
  for (const collection of database.getCollectionNames().filter((one) => !one.startsWith("system."))) {
    let lines = [];
    const write = () => {
      fs.writeSync(file, lines.join(""));
      lines = [];
    };
    const cursor = database.getCollection(collection).find().sort({ $natural: 1 }).batchSize(1000);
    while (cursor.hasNext()) {
      lines.push(`${name}.${collection}\t${EJSON.stringify(cursor.next(), { relaxed: false })}\n`);
      documents += 1;
      if (lines.length === 1000) write();
    }
    write();
  }
}
fs.closeSync(file);
print(documents);
