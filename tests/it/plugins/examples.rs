//! The example plugins, as they are, with a daemon.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use turnpike::domain::{ClientDevice, FormValues, LockOwner, ProviderName, Refusal};
use turnpike::runtime::FormDone;

use super::client::{Host, eventually};
use super::supervised::{config, example};
use crate::support::TestApp;

async fn submit(
    host: &Host,
    device: &ClientDevice,
    name: &str,
    values: &[(&str, &str)],
) -> Result<FormDone, Refusal> {
    let values: FormValues =
        values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    host.app.handle.submit(device.id, &ProviderName::new(name), values).await
}

async fn registered(host: &Host, name: &str) {
    let (registry, provider) = (host.app.handle.registry().clone(), ProviderName::new(name));
    eventually("it has registered", || registry.provider(&provider).is_some()).await;
}

/// Puts coins into the acceptor.
fn insert(acceptor: &Path, coins: usize) {
    let mut pipe = std::fs::OpenOptions::new().write(true).open(acceptor).unwrap();
    pipe.write_all("coin\n".repeat(coins).as_bytes()).unwrap();
}

fn coins(acceptor: &Path) -> turnpike::config::PluginConfig {
    let mut config = config("coins", vec![example("coin.py"), acceptor.to_string_lossy().into_owned()]);
    config.permissions.push("acquire_lock:coinslot".parse().unwrap());
    config.env.insert("SECS_PER_COIN".to_owned(), "300".to_owned());
    config.deadline = Duration::from_secs(4);
    config
}

fn pipe(app: &TestApp) -> PathBuf {
    let acceptor = app.dir.path().join("acceptor");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &acceptor, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    acceptor
}

/// What a device's page shows while the plugin waits.
fn page(host: &Host, device: &ClientDevice) -> String {
    host.app.handle.waiting(device.id).map(|(_, waiting)| waiting.text.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn coins_are_inserted_by_one_customer_at_a_time() {
    let app = TestApp::start().await;
    let acceptor = pipe(&app);
    let (ana, ben) = (app.device(1).await, app.device(2).await);
    let host = Host::start_with(app, vec![coins(&acceptor)]);
    registered(&host, "coins").await;

    submit(&host, &ana, "coins", &[]).await.unwrap();
    assert_eq!(page(&host, &ana), "Insert a coin");
    let busy = submit(&host, &ben, "coins", &[]).await.unwrap_err();
    assert!(busy.to_string().contains("Somebody else"), "{busy}");
    insert(&acceptor, 2);
    eventually("both are counted", || page(&host, &ana).starts_with("2 coin(s): 10 minutes")).await;
    submit(&host, &ana, "coins", &[("action", "done")]).await.unwrap();
    let session = host.app.handle.usable_sessions(ana.id).await.unwrap().remove(0);
    assert_eq!((session.terms.time_limit_ms, session.is_running()), (Some(600_000), true));
    assert_eq!(page(&host, &ana), "");
    // Now the slot is the other's, who walks away with a coin in it.
    submit(&host, &ben, "coins", &[]).await.unwrap();
    insert(&acceptor, 1);
    eventually("it is counted", || page(&host, &ben).starts_with("1 coin(s)")).await;
    host.app.lan.leave(ben.mac);
    let slot = "coinslot/1".parse().unwrap();
    eventually("the slot is free", || host.app.handle.lock_holder(&slot).is_none()).await;
    let handle = host.app.handle.clone();
    for _ in 0..1000 {
        if !handle.usable_sessions(ben.id).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let his = handle.usable_sessions(ben.id).await.unwrap();
    assert_eq!(his.iter().map(|one| one.terms.time_limit_ms).collect::<Vec<_>>(), [Some(300_000)]);
    assert!(handle.unclaimed_credits("plugin/coins", None).await.unwrap().is_empty());
    submit(&host, &ana, "coins", &[]).await.unwrap();
    assert_eq!(host.app.handle.lock_holder(&slot), Some(LockOwner::Device(ana.id)));
    host.stop().await;
}

#[tokio::test]
async fn the_happy_hour_is_given_in_its_hours() {
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let open = |name: &str, from: &str, until: &str| {
        let mut config = config(name, vec![example("happy-hour.sh")]);
        // Its processes may take a while where many run at once.
        config.deadline = Duration::from_secs(4);
        config.env.insert("FROM".to_owned(), from.to_owned());
        config.env.insert("UNTIL".to_owned(), until.to_owned());
        config
    };
    let host = Host::start_with(app, vec![open("happy-hour", "0", "24")]);
    registered(&host, "happy-hour").await;
    let done = submit(&host, &device, "happy-hour", &[]).await;
    assert!(matches!(done, Ok(FormDone::Connected(_))), "{done:?} {}", host.last_error("happy-hour"));
    let session = host.app.handle.usable_sessions(device.id).await.unwrap().remove(0);
    assert_eq!(session.properties.get("Offer").map(String::as_str), Some("happy-hour"));
    let app = host.stop().await;
    let host = Host::start_with(app, vec![open("happy-hour", "24", "24")]);
    registered(&host, "happy-hour").await;
    let refused = submit(&host, &device, "happy-hour", &[]).await.unwrap_err();
    assert!(refused.to_string().contains("Happy hour is from 24"), "{refused}");
    host.stop().await;
}

/// The accounts' server: one account of ten minutes, and what was saved to it.
#[derive(Default)]
struct Cloud {
    used_secs: f64,
    saved: Vec<(String, u64)>,
}

fn serve(listener: TcpListener, cloud: Arc<Mutex<Cloud>>) {
    for stream in listener.incoming() {
        let mut stream: TcpStream = stream.unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut request, mut length) = (String::new(), 0);
        reader.read_line(&mut request).unwrap();
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap() <= 2 {
                break;
            }
            if let Some(value) = header.strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let path = request.split(' ').nth(1).unwrap();
        let mut cloud = cloud.lock().unwrap();
        let (status, answer) = match path {
            "/accounts/ana?password=secret" | "/accounts/ana" => {
                ("200 OK", json!({ "time_secs": 600, "time_used_secs": cloud.used_secs }))
            }
            "/accounts/ana/usage" => {
                let usage: Value = serde_json::from_slice(&body).unwrap();
                let seq = (usage["session"].as_str().unwrap().to_owned(), usage["seq"].as_u64().unwrap());
                if !cloud.saved.contains(&seq) {
                    cloud.saved.push(seq);
                    cloud.used_secs = cloud.used_secs.max(usage["time_used_secs"].as_f64().unwrap());
                }
                ("200 OK", json!({}))
            }
            _ => ("403 Forbidden", json!({})),
        };
        write!(stream, "HTTP/1.0 {status}\r\n\r\n{answer}").unwrap();
    }
}

/// The example, as cargo builds it beside the tests; a run of some tests only leaves it to be built here.
fn cloud_account() -> String {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().and_then(Path::parent).unwrap().join("examples/cloud_account");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = std::process::Command::new(cargo)
        .args(["build", "--quiet", "--example", "cloud_account"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(build.is_ok_and(|status| status.success()) || built.exists(), "the example cannot be built");
    built.to_string_lossy().into_owned()
}

#[tokio::test]
async fn an_account_in_the_cloud_is_used_up_and_what_was_used_comes_back_to_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let cloud = Arc::new(Mutex::new(Cloud::default()));
    let served = Arc::clone(&cloud);
    std::thread::spawn(move || serve(listener, served));
    let app = TestApp::start().await;
    let device = app.device(1).await;
    let host = Host::start_with(app, vec![config("cloud", vec![cloud_account(), address])]);
    registered(&host, "cloud").await;
    let form = |password: &'static str| [("name", "ana"), ("password", password)];
    let wrong = submit(&host, &device, "cloud", &form("guess")).await.unwrap_err();
    assert!(matches!(wrong, Refusal::Form { field: Some(field), .. } if field == "name"));
    submit(&host, &device, "cloud", &form("secret")).await.unwrap();
    let session = host.app.handle.usable_sessions(device.id).await.unwrap().remove(0);
    assert_eq!((session.principal.as_deref(), session.source.as_deref()), (Some("ana"), Some("ana")));

    host.app.pass(Duration::from_secs(60)).await;
    host.app.handle.disconnect(device.id, None).await.unwrap();
    eventually("the usage is back", || (cloud.lock().unwrap().used_secs - 60.0).abs() < 1.0).await;
    // It is used elsewhere too; the next connect knows.
    cloud.lock().unwrap().used_secs = 300.0;
    host.app.handle.connect(device.id, None).await.unwrap();
    let session = host.app.handle.usable_sessions(device.id).await.unwrap().remove(0);
    assert_eq!(session.usage.time_ms / 1000, 300);
    host.stop().await;
}
