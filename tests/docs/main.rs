//! What the README says is so: its commands are CI's, its example is the example, its tables are the code's.

use bot_client::swarm::bench;
use harness::outside::root;
use protocol::{CloseCode, Retry};

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_command_of_the_readme_is_one_that_ci_runs() {
    let ci = read(".ci/run") + &read(".ci/play");
    let commands: Vec<String> =
        blocks(&read("README.md"), "sh").iter().flat_map(|b| b.lines()).map(str::to_owned).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        assert!(ci.contains(&command), "CI does not run `{command}`");
    }
}

#[test]
fn the_python_example_is_shown_as_it_is() {
    assert_eq!(blocks(&read("README.md"), "python"), [read("assets/examples/bot.py")]);
}

#[test]
fn the_node_example_is_shown_as_it_is() {
    assert_eq!(blocks(&read("README.md"), "js"), [read("assets/examples/bot.mjs")]);
}

#[test]
fn the_close_codes_are_the_servers() {
    let readme = read("README.md");
    for code in CloseCode::ALL {
        let retry = match code.retry() {
            Retry::Never => "no",
            Retry::Yes => "yes",
            Retry::Once => "once, after a pause",
            Retry::OnRequest => "when the player asks",
        };
        let row = format!("| {} | {} | {retry} |", code.code(), code.reason());
        assert!(readme.contains(&row), "the README lacks: {row}");
    }
}

#[test]
fn every_key_of_the_configuration_is_in_the_table_of_limits() {
    let readme = read("README.md");
    let mut section = String::new();
    for line in read("assets/server.toml").lines().map(|line| line.trim_start_matches("# ")) {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, _)) = line.split_once(" = ")
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            let key = format!("`{section}{key}`");
            assert!(readme.contains(&key), "the README's table of limits lacks {key}");
        }
    }
}

#[test]
fn the_table_of_the_readme_is_what_the_newest_bench_measured() {
    let readme = read("README.md");
    let files = std::fs::read_dir(root().join("assets/bench")).into_iter().flatten().flatten();
    // What `bench --quick` wrote measures nothing.
    let is_measured = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".json") && !name.ends_with("-quick.json")
    };
    let newest = files.map(|file| file.path()).filter(is_measured).max();
    let Some(newest) = newest else {
        assert!(
            !readme.contains(bench::MARKS.0),
            "the README shows a table that no file in assets/bench has"
        );
        return;
    };
    let text = std::fs::read(&newest).expect("readable");
    let measured: bench::Bench = serde_json::from_slice(&text).expect("a bench");
    assert_eq!(measured.schema, bench::SCHEMA);
    let with_table = bench::replace(&readme, &measured.markdown()).expect("the README has the marks");
    assert!(
        with_table == readme,
        "the README's table is not that of {}: run bench with --readme",
        newest.display()
    );
}

/// Every Rust file below a folder.
fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_date_is_asked_only_where_the_readme_says() {
    let mut files = Vec::new();
    sources(&root().join("server"), &mut files);
    assert!(files.len() > 50, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        let place = file.to_string_lossy().replace('\\', "/");
        // Names of recordings, the validity of certificates and of tickets.
        let may = ["/record/disk.rs", "/net/tls", "ticket"].iter().any(|part| place.contains(part));
        assert!(may || !text.contains("SystemTime"), "{place} depends on a clock that can be set");
    }
}
