// Run by mongosh against the server itself, each time the system starts: makes the replica set, then the users, if they are not
// there. Their passwords are those of the environment, so a changed one takes effect at the next start.
const env = process.env;
const admin = db.getSiblingDB("admin");
admin.auth("root", env.MONGO_ROOT_PASSWORD);

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
// readWrite has what the services need of indexes; neither sees the other's database.
ensure("log-service", env.MONGO_LOG_PASSWORD, [{ role: "readWrite", db: env.MONGODB_NAME }]);
ensure("email-service", env.MONGO_EMAIL_PASSWORD, [{ role: "readWrite", db: "email" }]);
ensure("operator", env.OPERATOR_PASSWORD, ["readAnyDatabase", "clusterMonitor"]);
print("MongoDB: replica set rs0 and users are in place");
