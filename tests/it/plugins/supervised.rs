//! Plugins as processes that the daemon starts: what they get, how they end, how they come back.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use turnpike::config::PluginConfig;
use turnpike::domain::ProviderName;
use turnpike::runtime::PluginState;

use super::client::{Host, eventually};
use crate::support::TestApp;

/// A plugin of the configuration, as a script with its interpreter in the first line.
pub fn script(app: &TestApp, name: &str, text: &str) -> PluginConfig {
    let path = app.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    config(name, vec![path.to_string_lossy().into_owned()])
}

pub fn config(name: &str, command: Vec<String>) -> PluginConfig {
    PluginConfig {
        name: name.to_owned(),
        command,
        user: None,
        dir: None,
        env: Default::default(),
        permissions: vec!["register_handler".parse().unwrap()],
        deadline: Duration::from_millis(500),
    }
}

/// Something in the repository's examples.
pub fn example(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/plugins").join(name);
    path.to_string_lossy().into_owned()
}

const TALKER: &str = r#"#!/usr/bin/env python3
import json, os, sys
def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
send(id=1, method="hello", params={"protocol": 1, "name": "talker"})
send(id=2, method="provider.register", params={"name": "talker", "title": "Talker"})
json.loads(sys.stdin.readline())
print("\x1b[31mred\x07 " + "x" * 70000, file=sys.stderr, flush=True)
with open(os.environ["OUT"], "w") as out:
    json.dump({"env": sorted(os.environ), "cwd": os.getcwd(), "uid": os.getuid(), "groups": os.getgroups(),
               "pgid": os.getpgid(0) == os.getpid(), "argv": sys.argv[1:]}, out)
for line in sys.stdin:
    pass
"#;

fn written(path: &std::path::Path) -> Option<serde_json::Value> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

#[tokio::test]
async fn it_gets_what_the_configuration_says_and_nothing_else() {
    let app = TestApp::start().await;
    let mut config = script(&app, "talker", TALKER);
    let out = app.dir.path().join("out");
    config.command.extend(["a b".to_owned(), "$HOME;".to_owned()]);
    config.env.insert("OUT".to_owned(), out.to_string_lossy().into_owned());
    let host = Host::start_with(app, vec![config]);
    eventually("it has written", || written(&out).is_some()).await;
    let seen = written(&out).unwrap();
    // Python sets LC_CTYPE by itself.
    let env: Vec<&str> = seen["env"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    assert!(env.iter().all(|name| ["LANG", "LC_CTYPE", "OUT", "PATH"].contains(name)), "{env:?}");
    assert_eq!((seen["cwd"].as_str(), seen["pgid"].as_bool()), (Some("/"), Some(true)));
    assert_eq!(seen["argv"], serde_json::json!(["a b", "$HOME;"]));
    let status = host.status("talker");
    assert_eq!(status.state, PluginState::Running);
    assert!(status.pid.is_some());
    let name = ProviderName::new("talker");
    eventually("it has registered", || host.status("talker").providers.contains(&name)).await;

    // It ends with the daemon.
    let pid = status.pid.unwrap();
    let app = host.stop().await;
    assert_eq!(app.handle.registry().plugins().get("talker").unwrap().state, PluginState::Stopped);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn it_runs_as_another_user_without_groups() {
    let app = TestApp::start().await;
    // The user must be able to read the script, and to write what it saw.
    std::fs::set_permissions(app.dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut config = script(&app, "talker", TALKER);
    let out = app.dir.path().join("out");
    config.env.insert("OUT".to_owned(), out.to_string_lossy().into_owned());
    config.user = Some("nobody".to_owned());
    let host = Host::start_with(app, vec![config]);
    eventually("it has written", || written(&out).is_some()).await;
    let seen = written(&out).unwrap();
    assert_ne!(seen["uid"], 0);
    assert!(seen["groups"].as_array().unwrap().iter().all(|group| group != 0), "{seen}");
    host.stop().await;
}

#[tokio::test]
async fn one_that_dies_is_started_again_and_one_that_cannot_be_is_shown() {
    let app = TestApp::start().await;
    let mortal = "#!/usr/bin/env python3\nimport sys\nsys.stdin.readline\nsys.exit(7)\n";
    let mortal = script(&app, "mortal", mortal);
    let missing = config("missing", vec!["/nonexistent/plugin".to_owned()]);
    let mut nobody = config("nobody", vec!["/bin/true".to_owned()]);
    nobody.user = Some("no-such-user".to_owned());
    let host = Host::start_with(app, vec![mortal, missing, nobody]);
    eventually("it is started again", || host.status("mortal").restarts >= 1).await;
    assert!(host.last_error("mortal").contains("exit status: 7"), "{}", host.last_error("mortal"));
    eventually("they wait", || host.status("missing").state == PluginState::WaitingToRestart).await;
    assert!(host.last_error("missing").contains("cannot be started"), "{}", host.last_error("missing"));
    assert!(host.last_error("nobody").contains("no user no-such-user"), "{}", host.last_error("nobody"));
    let app = host.stop().await;
    assert_eq!(app.handle.registry().plugins().get("missing").unwrap().state, PluginState::Stopped);
}

#[tokio::test]
async fn what_it_has_started_ends_with_it() {
    let app = TestApp::start().await;
    let parent = r#"#!/usr/bin/env python3
import json, os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["/bin/sleep", "1000"])
print(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {"protocol": 1}}), flush=True)
open(os.environ["OUT"], "w").write(json.dumps(child.pid))
while True:
    signal.pause()
"#;
    let mut config = script(&app, "parent", parent);
    let out = app.dir.path().join("out");
    config.env.insert("OUT".to_owned(), out.to_string_lossy().into_owned());
    let host = Host::start_with(app, vec![config]);
    eventually("it has started another", || written(&out).is_some()).await;
    let child = written(&out).unwrap().as_u64().unwrap();
    host.stop().await;
    // Killed; whoever inherits it may take a moment to bury it.
    let is_gone =
        || std::fs::read_to_string(format!("/proc/{child}/stat")).map_or(true, |stat| stat.contains(") Z "));
    eventually("its child is gone", is_gone).await;
}
