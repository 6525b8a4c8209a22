use crate::doctor::gather::{Daemon, Known};
use crate::doctor::system::System;
use crate::doctor::{Code, Finding};

/// Bits of the capability sets (`include/uapi/linux/capability.h`).
const NET_BIND_SERVICE: u64 = 1 << 10;
const NET_ADMIN: u64 = 1 << 12;

/// What this command and the daemon may do.
pub struct Rights {
    pub own: Known<u64>,
    /// The running daemon's.
    pub daemon: Option<Known<u64>>,
    /// Ports below this one are reserved.
    pub first_free_port: u16,
    /// The ports that are configured.
    pub ports: Vec<u16>,
}

pub fn judge(rights: &Rights, daemon: &Known<Daemon>, system: System) -> Vec<Finding> {
    let runs = matches!(daemon, Ok(Daemon::Runs { .. }));
    vec![net_admin(rights, runs, system), low_ports(rights, system)]
}

fn net_admin(rights: &Rights, runs: bool, system: System) -> Finding {
    let code = Code::NET_ADMIN;
    let as_root = ["run turnpike as root, or give its service CAP_NET_ADMIN".to_owned(), ambient(system)];
    match (&rights.daemon, &rights.own) {
        (Some(Ok(bits)), _) if bits & NET_ADMIN == 0 => {
            Finding::problem(code, "the running daemon has no CAP_NET_ADMIN")
                .because("it can neither let anybody through nor cut anybody off")
                .fix(as_root)
        }
        (_, Ok(bits)) if bits & NET_ADMIN == 0 && runs => Finding::warning(
            code,
            "this command has no CAP_NET_ADMIN; the daemon runs with rights of its own",
        )
        .because("much could not be looked at")
        .fix(["sudo turnpike doctor"]),
        (_, Ok(bits)) if bits & NET_ADMIN == 0 => {
            Finding::problem(code, "this command has no CAP_NET_ADMIN, and would not have it as turnpike run")
                .because("without it nobody can be let through, and much could not be looked at")
                .fix(["sudo turnpike doctor".to_owned()].into_iter().chain(as_root))
        }
        (Some(Err(error)), _) | (_, Err(error)) => Finding::unchecked(code, error),
        (Some(Ok(_)), Ok(_)) => Finding::ok(code, "the daemon has CAP_NET_ADMIN"),
        (None, Ok(_)) => Finding::ok(code, "CAP_NET_ADMIN is there"),
    }
}

fn low_ports(rights: &Rights, system: System) -> Finding {
    let code = Code::LOW_PORTS;
    let reserved: Vec<String> =
        rights.ports.iter().filter(|port| **port < rights.first_free_port).map(u16::to_string).collect();
    if reserved.is_empty() {
        return Finding::ok(code, "no configured port is reserved");
    }
    let ports = reserved.join(", ");
    match rights.daemon.as_ref().unwrap_or(&rights.own) {
        Ok(bits) if bits & NET_BIND_SERVICE == 0 => {
            Finding::problem(code, format!("port {ports} is reserved, and CAP_NET_BIND_SERVICE is missing"))
                .because("the daemon cannot listen there, and does not start")
                .fix([format!("choose ports from {}", rights.first_free_port), ambient(system)])
        }
        Ok(_) => Finding::ok(code, format!("port {ports} can be listened on")),
        Err(error) => Finding::unchecked(code, error),
    }
}

fn ambient(system: System) -> String {
    system
        .say(
            "in the service: AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE",
            "in /etc/init.d/turnpike: let procd start it as root",
        )
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    fn severities(own: u64, daemon: Option<u64>, port: u16) -> [Severity; 2] {
        let rights =
            Rights { own: Ok(own), daemon: daemon.map(Ok), first_free_port: 1024, ports: vec![port] };
        let state = match daemon {
            Some(_) => Daemon::Runs { process: Some(1), user: 0, since: None, warnings: Vec::new() },
            None => Daemon::Stopped,
        };
        let found = judge(&rights, &Ok(state), System::Debian);
        [found[0].severity, found[1].severity]
    }

    #[test]
    fn whose_rights_count() {
        let all = NET_ADMIN | NET_BIND_SERVICE;
        assert_eq!(severities(all, None, 80), [Severity::Ok, Severity::Ok]);
        assert_eq!(severities(0, None, 80), [Severity::Problem, Severity::Problem]);
        assert_eq!(severities(0, None, 2050), [Severity::Problem, Severity::Ok]);
        assert_eq!(severities(0, Some(all), 80), [Severity::Warning, Severity::Ok]);
        assert_eq!(severities(all, Some(NET_ADMIN), 80), [Severity::Ok, Severity::Problem]);
        assert_eq!(severities(all, Some(0), 2050), [Severity::Problem, Severity::Ok]);
    }
}
