//! The command line: exit codes, and what it asks of a daemon over the socket.

use std::ffi::OsString;
use std::sync::Arc;

use clap::CommandFactory;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use turnpike::api::{self, ApiState};
use turnpike::cli::{self, Cli, Daemon};
use turnpike::domain::{Permission, Text};
use turnpike::http::{Limits, serve};
use turnpike::store::TokenText;

use crate::support::TestApp;

/// A daemon that must not be started.
fn no_daemon() -> Daemon {
    Daemon {
        run: |_, _, _| Box::pin(async { anyhow::bail!("started") }),
        close: |_| Box::pin(async { anyhow::bail!("started") }),
        down: |_| Box::pin(async { anyhow::bail!("started") }),
        doctor: |_| Box::pin(async { panic!("started") }),
        look: |_| Box::pin(async { anyhow::bail!("started") }),
        carry_out: |_| Box::pin(async { anyhow::bail!("started") }),
    }
}

fn turnpike(arguments: &[&str]) -> u8 {
    let arguments = ["turnpike"].iter().chain(arguments).map(OsString::from);
    cli::main(arguments, no_daemon())
}

#[test]
fn the_commands_are_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn wrong_usage_is_2_and_what_fails_1() {
    for wrong in [
        vec![],
        vec!["fly"],
        vec!["connect"],
        vec!["session", "create", "dev"],
        vec!["session", "create", "dev", "--kind", "forever"],
        vec!["session", "set", "id"],
        vec!["voucher", "create", "--kind", "time"],
        vec!["token", "create", "--name", "a"],
        vec!["lock", "acquire", "coinslot/1"],
        vec!["lock", "acquire", "coinslot/1", "dev", "--scope", "forever"],
        vec!["lock", "acquire", "coinslot/1", "dev", "--wait", "3601"],
    ] {
        assert_eq!(turnpike(&wrong), cli::USAGE, "{wrong:?}");
    }
    assert_eq!(turnpike(&["status", "--socket", "/nonexistent/socket"]), cli::FAILED);
    assert_eq!(turnpike(&["check-config", "--config", "/nonexistent/file"]), cli::FAILED);
    assert_eq!(turnpike(&["run", "--config", "/nonexistent/file"]), cli::FAILED);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/turnpike.toml");
    assert_eq!(turnpike(&["check-config", "--config", example]), cli::DONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_reach_the_daemon() {
    assert!(rustix::process::getuid().is_root(), "only root needs no token on the socket");
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let state = ApiState::new(
        app.handle.clone(),
        app.store.clone(),
        Arc::clone(&app.vault) as _,
        &[turnpike::domain::ProviderName::new("voucher")],
    );
    let socket = app.dir.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, api::router(state), Limits::default(), async move {
        let _ = stopped.await;
    }));
    let socket = socket.to_str().unwrap().to_owned();
    let run = |line: &str| {
        let mut arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        arguments.extend(["--socket".to_owned(), socket.clone()]);
        async move {
            let given = arguments.clone();
            let code = tokio::task::spawn_blocking(move || {
                turnpike(&given.iter().map(String::as_str).collect::<Vec<_>>())
            });
            (code.await.unwrap(), arguments)
        }
    };
    for (line, wanted) in [
        ("status", cli::DONE),
        ("status --json", cli::DONE),
        ("devices --sort -mac", cli::DONE),
        ("connect 10.0.0.1", cli::FAILED),
        ("session create 10.0.0.1 --kind time --time-secs 600 --down-mbps 5.5", cli::DONE),
        ("connect 02:00:00:00:53:01 --notify hello", cli::DONE),
        ("sessions --json", cli::DONE),
        ("device session 10.0.0.1", cli::DONE),
        ("device session --usable 10.0.0.1", cli::DONE),
        ("ping 10.0.0.1", cli::DONE),
        ("providers", cli::DONE),
        ("voucher create --count 2 --kind data --data-mb 1", cli::DONE),
        ("voucher list", cli::DONE),
        ("voucher redeem ABCDE-FGHJK 10.0.0.1", cli::FAILED),
        ("token create --name till --permission view_session --permission modify_session", cli::DONE),
        ("token list", cli::DONE),
        ("token revoke 1", cli::DONE),
        ("device add 02:00:00:00:53:07 --alias till", cli::DONE),
        ("device delete 02:00:00:00:53:07 --json", cli::DONE),
        ("session show ../../status", cli::FAILED),
        ("lock acquire coinslot/1 10.0.0.1 --scope connection", cli::DONE),
        ("lock acquire coinslot/1 10.0.0.1 --wait 1.5 --json", cli::DONE),
        ("lock acquire coinslot//1 10.0.0.1", cli::FAILED),
        ("lock acquire coinslot/1 10.0.0.9", cli::FAILED),
        ("lock list", cli::DONE),
        ("lock list --json --per-page 1", cli::DONE),
        ("lock release coinslot/1 --device 10.0.0.1", cli::DONE),
        ("lock release coinslot/1", cli::FAILED),
    ] {
        let (code, arguments) = run(line).await;
        assert_eq!(code, wanted, "{arguments:?}");
    }
    let session = app.handle.curr_session(device.id).await.unwrap().expect("runs");
    assert_eq!(run(&format!("session set {} --add-time-secs 60", session.id)).await.0, cli::DONE);
    assert_eq!(app.handle.session(session.id).await.unwrap().terms.time_limit_ms, Some(660_000));
    assert_eq!(run("disconnect 10.0.0.1").await.0, cli::DONE);
    assert!(!app.handle.is_connected(device.id).await.unwrap());
    assert_eq!(run("block 10.0.0.1").await.0, cli::DONE);
    assert_eq!(run("connect 10.0.0.1").await.0, cli::FAILED);
    assert_eq!(run("unblock 10.0.0.1").await.0, cli::DONE);
    assert_eq!(run(&format!("session close {}", session.id)).await.0, cli::DONE);
    assert_eq!(app.handle.session(session.id).await.unwrap().state.as_str(), "closed");
    // A token that is sent counts, also for root.
    let token = TokenText::random().unwrap();
    let now = app.handle.now().wall;
    app.store.create_token(&Text::new("till"), &[Permission::ViewSession], &token, now).await.unwrap();
    assert_eq!(run(&format!("status --token {}", token.as_str())).await.0, cli::DONE);
    assert_eq!(run(&format!("block 10.0.0.1 --token {}", token.as_str())).await.0, cli::FAILED);
    assert_eq!(run("status --token tp_nobody").await.0, cli::FAILED);
    assert_eq!(run("status --token ").await.0, cli::DONE);
    stop.send(()).unwrap();
    served.await.unwrap();
}
