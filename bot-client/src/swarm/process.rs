//! What the kernel says of a process on this machine: who listens on a port, and what CPU time and memory it takes. Only
//! Linux tells; elsewhere nothing is known.

use std::fs;

/// What the kernel counts CPU time in, µs: it has told programs of hundredths of a second since ever.
const JIFFY_US: u64 = 10_000;

/// Who listens there, if it may be known.
pub fn listening_on(port: u16) -> Option<u32> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut links = files.filter_map(|file| fs::read_link(file.path()).ok());
        links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
    })
}

/// Inodes of the sockets in a table that listen on a port.
fn inodes(table: &str, port: u16) -> Vec<String> {
    let ending = format!(":{port:04X}");
    let listening = table.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (&local, &state, &inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        (state == "0A" && local.ends_with(&ending)).then(|| inode.to_owned())
    });
    listening.collect()
}

/// CPU time, µs, and resident memory, bytes.
pub fn usage(pid: u32) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse(&stat, &status)
}

fn parse(stat: &str, status: &str) -> Option<(u64, u64)> {
    // The name before it may contain anything.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let jiffies = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = rss.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((jiffies * JIFFY_US, kib * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_as_the_kernel_writes_them() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
            \x20  1: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";
        assert_eq!(inodes(table, 8081), ["4711"]);
        assert_eq!(inodes(table, 8080), [""; 0]);
        let stat = "12 (a ) b) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 5 0 100 1000 2000";
        assert_eq!(parse(stat, "Name:\tx\nVmRSS:\t    2048 kB\n"), Some((3_000_000, 2 << 20)));
        assert_eq!(parse("", ""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_found_behind_its_own_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(listening_on(port), Some(std::process::id()));
        let (_, rss) = usage(std::process::id()).unwrap();
        assert!(rss > 1 << 20, "{rss}");
    }
}
