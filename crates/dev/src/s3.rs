//! A night on a real S3 server, killed once and run again, against an undisturbed night on disk; and files that are
//! harvested from that server.

use std::{
    collections::hash_map::RandomState,
    fs::File,
    hash::{BuildHasher, Hasher},
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    outside::{Ground, night},
    place::say,
    process::{Running, free_port, run, run_quietly, wait_for},
};

const BUCKET: &str = "klimalade-test";
/// Harvests of four protocols' forms, small enough to be run four times.
const PIPELINES: [&str; 4] = [
    "dst_area",
    "dmi_heating_degree_days",
    "energinet_capacity_by_municipality",
    "energinet_capacity_january",
];
/// Fresh lakes on which a kill is tried, should a night end before it or have written nothing yet.
const TRIES: u32 = 6;
const SERVER_STARTS_WITHIN: Duration = Duration::from_secs(90);

/// Environment of a program that speaks to the server.
fn environment(port: u16) -> [(&'static str, String); 5] {
    [
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_ACCESS_KEY_ID", "any".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ]
}

/// The whole of it.
pub(crate) fn killed_night(ground: &Ground) -> Result<()> {
    let undisturbed = ground.scratch.path().join("undisturbed-lake");
    let whole = night(ground, &undisturbed.display().to_string(), &PIPELINES)?;
    let (server, port) = server(ground)?;
    create_bucket(port)?;
    dropped_files(ground, port).context("files from S3")?;
    for attempt in 1..=TRIES {
        let lake = format!("s3://{BUCKET}/lake-{attempt}");
        let moment = whole.mul_f64(random_ratio());
        let watch = Watch::start(ground, &undisturbed, &lake, port)?;
        let was_killed = killed(ground, &lake, port, moment)?;
        // Its last glob begins after the kill.
        watch.end("a night that is killed, and after the kill")?;
        if !was_killed {
            say(format!(
                "the night ended before its {:.2} s; another lake",
                moment.as_secs_f64()
            ));
            continue;
        }
        let standing = objects(ground, &lake, port)?;
        if standing == 0 {
            say("nothing stood yet; another lake");
            continue;
        }
        say(format!(
            "SIGKILL after {:.2} s of about {:.2} s; {standing} objects stood",
            moment.as_secs_f64(),
            whole.as_secs_f64()
        ));
        let locked = locks(ground, &lake, port, "count")?;
        if let Some(owner) = locked.first() {
            say(format!("locked by the killed night: {}", locked.join(", ")));
            refused(ground, &lake, port, owner)?;
            let standing = locks(ground, &lake, port, "expire")?;
            if standing != locked {
                bail!(
                    "locks of another run were released: {} stood, {} stand",
                    locked.join(", "),
                    standing.join(", ")
                );
            }
        }
        let mut again = ground.klimalade();
        again
            .args(["run", "--demo", "--strict", "--lake", &lake])
            .args(PIPELINES)
            .envs(environment(port));
        let watch = Watch::start(ground, &undisturbed, &lake, port)?;
        run_quietly(&mut again).context("the repeated night")?;
        watch.end("the repeated night")?;
        let left = locks(ground, &lake, port, "count")?;
        if !left.is_empty() {
            bail!("the repeated night left locks: {}", left.join(", "));
        }
        run_quietly(
            ground
                .klimalade()
                .args(["verify", "--demo", "--lake", &lake])
                .envs(environment(port)),
        )
        .context("verify")?;
        run(ground
            .script("compare.py")
            .arg(&undisturbed)
            .arg(&lake)
            .envs(environment(port)))?;
        drop(server);
        return Ok(());
    }
    bail!("{TRIES} nights could not be killed halfway");
}

/// A reader that goes through the glob again and again while something happens to the lake.
struct Watch(Child);

impl Watch {
    fn start(ground: &Ground, undisturbed: &Path, lake: &str, port: u16) -> Result<Self> {
        let mut command = ground.script("compare.py");
        command
            .arg("--standing")
            .arg(undisturbed)
            .arg(lake)
            .envs(environment(port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Ok(Self(command.spawn().context("compare.py cannot be started")?))
    }
    /// Lets it read once more. Errors: a glob was not right.
    fn end(mut self, when: &str) -> Result<()> {
        drop(self.0.stdin.take());
        let mut told = String::new();
        if let Some(out) = &mut self.0.stdout {
            out.read_to_string(&mut told)?;
        }
        if !self.0.wait()?.success() {
            bail!("{when}: what stood was not right\n{told}");
        }
        say(format!("{when}: {}", told.trim()));
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A pipeline of the operator's own that reads a folder of files.
const DROPPED: &str = r#"
version = 1
title_en = "Charging points, dropped files"
title_da = "Ladepunkter, afleverede filer"
source_id = "municipal_open_data"
table = "observation"
licence_code = "not_stated"

[source]
connector = "file"
address = "<folder>/*.csv"
format = { type = "csv" }

[columns]
area = { type = "text", id = true }
year = { type = "int", id = true }
count = { type = "float" }

[publishes]
indicators = ["charging_points_municipal"]
"#;
const DROPPED_SQL: &str = "SELECT 'publish' AS fate, 'charging_points_municipal' AS indicator_code, r.area AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code, 'dst_register' AS method_code, r.count AS value
FROM raw r
";
/// The second has a name that an address must encode.
const DROPS: [(&str, &str, &str); 2] = [
    (
        "2024.csv",
        "2024.csv",
        "area;year;count\n0101;2024;812\n0751;2024;400\n",
    ),
    (
        "Ærø 2025.csv",
        "%C3%86r%C3%B8%202025.csv",
        "area;year;count\n0101;2025;950\n0492;2025;31\n",
    ),
];

/// The same two files from a bucket and from disk give the same lake; asked again, the bucket's have not changed.
fn dropped_files(ground: &Ground, port: u16) -> Result<()> {
    let drop = ground.scratch.path().join("drop");
    std::fs::create_dir_all(&drop)?;
    for (name, encoded, text) in DROPS {
        std::fs::write(drop.join(name), text)?;
        let answer = request(
            port,
            &format!(
                "PUT /{BUCKET}/drop/{encoded} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                text.len()
            ),
        )?;
        if !answer.starts_with("HTTP/1.1 200") {
            bail!("{name} cannot be put into the bucket: {answer}");
        }
    }
    let nights = [
        (
            "disk",
            drop.display().to_string(),
            ground.scratch.path().join("drop-lake").display().to_string(),
        ),
        (
            "bucket",
            format!("s3://{BUCKET}/drop"),
            format!("s3://{BUCKET}/drop-lake"),
        ),
    ];
    for (name, folder, lake) in &nights {
        let home = ground.scratch.path().join(format!("home-{name}"));
        let pipeline = home.join("pipelines/test_dropped");
        std::fs::create_dir_all(&pipeline)?;
        std::fs::write(pipeline.join("pipeline.toml"), DROPPED.replace("<folder>", folder))?;
        std::fs::write(pipeline.join("map.sql"), DROPPED_SQL)?;
        for expected in ["published", "unchanged"] {
            let mut command = ground.klimalade_at(&home);
            command.args(["run", "test_dropped", "--strict", "--json", "--lake", lake]);
            let output = run_quietly(command.envs(environment(port)))?;
            let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
            let owner = &report["owners"][0];
            let parts = owner["parts"].as_array().map_or(0, Vec::len);
            if owner["status"] != expected || parts != DROPS.len() {
                bail!(
                    "from {name}: expected {expected} and {} parts, found {owner:#}",
                    DROPS.len()
                );
            }
        }
    }
    let [(_, _, from_disk), (_, _, from_bucket)] = &nights;
    run(ground
        .script("compare.py")
        // A file's own mark: time and size on disk, the ETag in a bucket.
        .args([from_disk.as_str(), from_bucket.as_str(), "source_version"])
        .envs(environment(port)))
}

/// SeaweedFS on a folder of its own. It wants eight ports, and somebody else may take one between the asking and the
/// listening (seen 2026-11-26): then it ends at once, and is started anew on others.
fn server(ground: &Ground) -> Result<(Running, u16)> {
    let mut outcome = try_server(ground, 1);
    for attempt in 2..=3 {
        if outcome.is_err() {
            outcome = try_server(ground, attempt);
        }
    }
    outcome
}

fn try_server(ground: &Ground, attempt: u32) -> Result<(Running, u16)> {
    let folder = ground.scratch.path().join(format!("seaweedfs-{attempt}"));
    std::fs::create_dir(&folder)?;
    let (log, port) = (
        ground.scratch.path().join(format!("seaweedfs-{attempt}.log")),
        free_port()?,
    );
    let out = File::create(&log)?;
    let mut command = ground.venv.program("weed");
    // Each of its servers wants a port, and a gRPC port 10,000 above unless it is given.
    command.arg("server").arg(format!("-dir={}", folder.display()));
    for name in [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port.grpc",
    ] {
        command.arg(format!("-{name}={}", free_port()?));
    }
    command
        .args([
            "-s3",
            &format!("-s3.port={port}"),
            "-ip=127.0.0.1",
            "-volume.max=4",
            "-master.volumeSizeLimitMB=64",
        ])
        .current_dir(&folder)
        .stdout(Stdio::from(out.try_clone()?))
        .stderr(Stdio::from(out));
    let mut server = Running::start(&mut command)?;
    wait_for(&mut server, port, SERVER_STARTS_WITHIN, &log)?;
    Ok((server, port))
}

/// PUT of a bucket, repeated while the server is still finding its own parts.
fn create_bucket(port: u16) -> Result<()> {
    let begun = Instant::now();
    loop {
        let answer = request(
            port,
            &format!("PUT /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        );
        match answer {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => return Ok(()),
            answer if begun.elapsed() > SERVER_STARTS_WITHIN => bail!("the bucket cannot be created: {answer:?}"),
            _ => std::thread::sleep(Duration::from_millis(300)),
        }
    }
}

fn request(port: u16, text: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Starts a night and kills it after so long. False: it had ended by itself.
fn killed(ground: &Ground, lake: &str, port: u16, moment: Duration) -> Result<bool> {
    let mut command = ground.klimalade();
    command
        .args(["run", "--demo", "--lake", lake])
        .args(PIPELINES)
        .envs(environment(port));
    let program = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
    std::thread::sleep(moment);
    program.kill()
}

/// Nobody gets past a lock that stands. Asked with `retire`: a whole night would count as finished, and the
/// simulated agencies restate figures in the next.
fn refused(ground: &Ground, lake: &str, port: u16, owner: &str) -> Result<()> {
    let mut command = ground.klimalade();
    let output = command
        .args(["retire", "--demo", "--lake", lake, owner])
        .envs(environment(port))
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || !told.contains("is locked by another run") {
        bail!("{owner} is locked, and retire ended with {}\n{told}", output.status);
    }
    Ok(())
}

/// Owners whose lock stands; `expire` lets them run out first.
fn locks(ground: &Ground, lake: &str, port: u16, what: &str) -> Result<Vec<String>> {
    let output = run_quietly(ground.script("locks.py").args([what, lake]).envs(environment(port)))?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect())
}

fn objects(ground: &Ground, lake: &str, port: u16) -> Result<u64> {
    let output = run_quietly(
        ground
            .script("compare.py")
            .args(["--count", lake])
            .envs(environment(port)),
    )?;
    let printed = String::from_utf8_lossy(&output.stdout);
    printed
        .trim()
        .parse()
        .with_context(|| format!("compare.py printed {printed}"))
}

/// Between 0.05 and 0.95: a moment at which something is under way. The standard library's seed is random enough
/// here, and the moment is printed.
fn random_ratio() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    0.05 + 0.9 * (random >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_of_a_kill_differs_and_stays_within_the_night() {
        let moments: Vec<f64> = (0..100).map(|_| random_ratio()).collect();
        assert!(
            moments.iter().all(|moment| (0.05..0.95).contains(moment)),
            "{moments:?}"
        );
        assert!(
            moments.iter().any(|moment| (moment - moments[0]).abs() > 0.01),
            "{moments:?}"
        );
    }
}
