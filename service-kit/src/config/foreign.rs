//! Variables of other programs: the shell, the system, containers, build servers, images of servers. None counts as a misspelt
//! name of ours.

/// Beginnings of names that belong to other programs.
const FAMILIES: &[&str] = &[
    "ACTIONS_",
    "AGENT_",
    "ANDROID_",
    "ANSIBLE_",
    "AWS_",
    "AZURE_",
    "BASH_",
    "BUILD_",
    "BUILDKITE_",
    "CARGO",
    "CI_",
    "CIRCLE",
    "CLOUDSDK_",
    "COMPOSE_",
    "CONDA_",
    "CONSUL_",
    "CURL_",
    "DBUS_",
    "DD_",
    "DEBIAN_",
    "DOCKER_",
    "DOTNET_",
    "ECS_",
    "ELASTIC_",
    "FLY_",
    "GCLOUD_",
    "GCP_",
    "GDM",
    "GIT_",
    "GITHUB_",
    "GITLAB_",
    "GNOME_",
    "GOOGLE_",
    "GPG_",
    "GRADLE_",
    "GTK_",
    "HELM_",
    "HEROKU_",
    "HOMEBREW_",
    "HTTPS_",
    "HTTP_",
    "ISTIO_",
    "JAVA_",
    "JENKINS_",
    "KUBECONFIG",
    "KUBERNETES_",
    "LC_",
    "LD_",
    "LESS",
    "LISTEN_",
    "MAKE",
    "MARIADB_",
    "MAVEN_",
    "MEMORY_PRESSURE_",
    "ME_CONFIG_",
    "MONGO_INITDB_",
    "MYSQL_",
    "NEW_RELIC_",
    "NIX_",
    "NOMAD_",
    "NPM_",
    "NVM_",
    "NODE_",
    "OTEL_",
    "PG",
    "PIP_",
    "PMA_",
    "POSTGRES_",
    "PYTHON",
    "QT_",
    "RABBITMQ_",
    "RAILWAY_",
    "REDIS_",
    "RENDER_",
    "RUNNER_",
    "RUST",
    "SNAP_",
    "SSH_",
    "SSL_",
    "SUDO_",
    "SYSTEMD_",
    "TERM_",
    "TRAVIS_",
    "VAULT_",
    "VIRTUAL_ENV",
    "VSCODE_",
    "WSL",
    "XDG_",
    "ZSH",
];
const NAMES: &[&str] = &[
    "ALL_PROXY",
    "CACHE_DIRECTORY",
    "CI",
    "COLORTERM",
    "COLUMNS",
    "CONFIGURATION_DIRECTORY",
    "CONTAINER",
    "CREDENTIALS_DIRECTORY",
    "DISPLAY",
    "EDITOR",
    "HISTFILE",
    "HISTSIZE",
    "HOME",
    "HOST",
    "HOSTNAME",
    "HOSTTYPE",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LANG",
    "LANGUAGE",
    "LINES",
    "LOGNAME",
    "LOGS_DIRECTORY",
    "LS_COLORS",
    "MACHTYPE",
    "MAIL",
    "MAILCHECK",
    "MAINPID",
    "NOTIFY_SOCKET",
    "NO_COLOR",
    "NO_PROXY",
    "OLDPWD",
    "OSTYPE",
    "PAGER",
    "PATH",
    "PORT",
    "POSIXLY_CORRECT",
    "PS1",
    "PWD",
    "RUNTIME_DIRECTORY",
    "SECRET_KEY_BASE",
    "SESSION_MANAGER",
    "SHELL",
    "SHLVL",
    "SOURCE_DATE_EPOCH",
    "STATE_DIRECTORY",
    "TEMP",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "USERNAME",
    "VISUAL",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "WINDOWID",
];

/// Old names of our settings that images of servers read too. Containers may share an environment, so there they say nothing of
/// this program.
const OF_IMAGES: &[&str] = &[
    "MYSQL_DATABASE",
    "MYSQL_PASSWORD",
    "MYSQL_USER",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
    "POSTGRES_USER",
    "RABBITMQ_PASSWORD",
    "RABBITMQ_VHOST",
];

/// Whether an old name, in capital letters, is also one of an image.
pub(super) fn is_of_image(name: &str) -> bool {
    OF_IMAGES.contains(&name)
}

/// Whether a variable, its name in capital letters, belongs to another program.
pub(super) fn is_foreign(name: &str, value: &str) -> bool {
    NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family)) || is_link(name, value)
}

/// Kubernetes and Docker describe the services beside a container in its environment: `NAME_SERVICE_HOST`,
/// `NAME_PORT=tcp://…`, `NAME_PORT_80_TCP_ADDR`, `NAME_ENV_…`.
pub(super) fn is_link(name: &str, value: &str) -> bool {
    let of_a_port =
        || name.split_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.contains("_ENV_")
        || of_a_port()
        || (name.ends_with("_PORT") && ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_services_beside_are_foreign_and_a_setting_with_a_port_is_not() {
        for (name, value) in [
            ("EMAIL_SERVICE_SERVICE_HOST", "10.0.0.3"),
            ("LOG_SERVICE_PORT", "tcp://10.0.0.4:8000"),
            ("BANK_SERVICE_PORT_5000_TCP_ADDR", "10.0.0.5"),
            ("BANK_SERVICE_SERVICE_PORT_HTTP", "5000"),
            ("MONGODB_ENV_MONGO_VERSION", "8"),
            ("LC_ALL", "C.UTF-8"),
        ] {
            assert!(is_foreign(name, value), "{name}");
        }
        for (name, value) in [("EMAIL_PORTS", "25"), ("MAIL_PORT", "25"), ("LOG_LEVEL", "debug")] {
            assert!(!is_foreign(name, value), "{name}");
        }
    }
}
