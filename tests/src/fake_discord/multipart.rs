//! A body of several parts, as browsers and HTTP libraries send it: read at once, since it is whole already.

/// A part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) bytes: &'a [u8],
}

/// Reads a body; `kind` is its content type with the boundary. Nothing where it is broken.
pub(super) fn read<'a>(kind: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let boundary = parameter(kind, "boundary")?;
    let edge = format!("--{boundary}");
    let mut rest = body.strip_prefix(edge.as_bytes())?;
    let edge = format!("\r\n{edge}");
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let begins = rest.strip_prefix(b"\r\n")?;
        let end = find(begins, edge.as_bytes())?;
        parts.push(part(&begins[..end])?);
        rest = &begins[end + edge.len()..];
    }
    Some(parts)
}

fn part(whole: &[u8]) -> Option<Part<'_>> {
    let end = find(whole, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&whole[..end]).ok()?;
    let header = |wanted: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let disposition = header("content-disposition")?;
    Some(Part {
        name: parameter(disposition, "name")?,
        file_name: parameter(disposition, "filename"),
        content_type: header("content-type").map(str::to_owned),
        bytes: &whole[end + 4..],
    })
}

/// `name="value"` or `name=value` within a header.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut parameters = header.split(';').skip(1).filter_map(|one| one.trim().split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
    Some(value.trim_matches('"').replace("%22", "\"").replace("\\\"", "\""))
}

fn find(within: &[u8], wanted: &[u8]) -> Option<usize> {
    within.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_stand() {
        let body = b"--e\r\ncontent-disposition: form-data; name=\"payload_json\"\r\n\r\n{}\r\n--e\r\n\
            Content-Disposition: form-data; name=\"files[0]\"; filename=\"a.md\"\r\nContent-Type: text/markdown\r\n\
            \r\none\r\n--two\r\n--e--\r\n";
        let parts = read("multipart/form-data; boundary=e", body).expect("it is in order");
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["payload_json", "files[0]"]);
        assert_eq!((parts[0].bytes, &parts[0].file_name), (&b"{}"[..], &None));
        assert_eq!(parts[1].bytes, b"one\r\n--two");
        assert_eq!(parts[1].file_name.as_deref(), Some("a.md"));
        assert_eq!(parts[1].content_type.as_deref(), Some("text/markdown"));
    }

    #[test]
    fn broken_bodies_are_nothing() {
        for body in [&b""[..], b"--e", b"--e\r\n", b"--e\r\nx: y\r\n\r\nz\r\n--e--", b"--f\r\n\r\n--f--"] {
            assert_eq!(read("multipart/form-data; boundary=e", body), None, "{body:?}");
        }
        assert_eq!(read("multipart/form-data", b"--e--"), None);
    }
}
