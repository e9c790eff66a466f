// Run by mongosh against the server itself, each time the system starts: makes the replica set, then the users, if they are not
// there, and sets every password to that of the environment, so a changed one takes effect at the next start. The members' own
// key is the login: it needs no user, so neither does the first start, and a changed password of "root" locks nobody out.
const env = process.env;
if (!db.getSiblingDB("local").auth({ user: "__system", pwd: env.MONGO_REPLICA_KEY, mechanism: "SCRAM-SHA-256" }).ok) {
  throw new Error("the server does not take MONGO_REPLICA_KEY");
}
const admin = db.getSiblingDB("admin");

try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: env.MONGO_HOST }] });
}
for (let tries = 0; !db.hello().isWritablePrimary; tries += 1) {
  if (tries === 120) throw new Error("no primary after 60 s");
  sleep(500);
}

const ensure = (user, pwd, roles) => {
  if (!pwd) throw new Error(`no password for ${user}`);
  if (admin.getUser(user)) admin.updateUser(user, { pwd, roles });
  else admin.createUser({ user, pwd, roles });
};
ensure("root", env.MONGO_ROOT_PASSWORD, ["root"]);
// readWrite has what the services need of indexes; neither sees the other's database.
ensure("log-service", env.MONGO_LOG_PASSWORD, [{ role: "readWrite", db: env.MONGODB_NAME }]);
ensure("email-service", env.MONGO_EMAIL_PASSWORD, [{ role: "readWrite", db: "email" }]);
ensure("operator", env.MONGO_OPERATOR_PASSWORD, ["readAnyDatabase", "clusterMonitor"]);
print("MongoDB: replica set rs0 and users are in place");
