use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

/// Longer than what there is room for.
const LONG: [u8; 64] = [b'x'; 64];
/// Never over in a test.
const AGES: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn what_nobody_takes_is_given_up() {
    let (ours, _theirs) = duplex(16);
    let mut prompt = Prompt::new(ours, Duration::from_millis(1));
    let error = prompt.write_all(&LONG).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

/// Who takes an octet now and then has no more time for it.
#[tokio::test]
async fn the_time_is_for_all_of_a_response() {
    let (ours, mut theirs) = duplex(16);
    let mut prompt = Prompt::new(ours, AGES);
    let mut ends = Vec::new();
    for due in [Some(16), None, Some(1), None] {
        let write = |context: &mut Context<'_>| {
            Poll::Ready(Pin::new(&mut prompt).poll_write(context, &LONG))
        };
        match poll_fn(write).await {
            Poll::Ready(written) => assert_eq!(written.ok(), due),
            Poll::Pending => {
                assert_eq!(due, None);
                ends.push(prompt.end.as_ref().map(|end| end.deadline()));
                theirs.read_u8().await.unwrap();
            }
        }
    }
    assert!(ends[0].is_some() && ends[0] == ends[1]);
}

#[tokio::test]
async fn each_response_has_a_time_of_its_own() {
    let (ours, mut theirs) = duplex(16);
    let mut prompt = Prompt::new(ours, AGES);
    for _ in 0..2 {
        let mut taken = [0; LONG.len()];
        let (written, read) = tokio::join!(
            async {
                prompt.write_all(&LONG).await?;
                assert!(prompt.end.is_some(), "it waited");
                prompt.flush().await
            },
            theirs.read_exact(&mut taken)
        );
        assert_eq!((written.unwrap(), read.unwrap(), taken), ((), LONG.len(), LONG));
        assert!(prompt.end.is_none());
    }
}

#[tokio::test]
async fn answers_many_requests_on_a_connection() {
    let (ours, mut theirs) = duplex(1024);
    let router = Router::new().fallback(|| async { "a page" });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(connection(ours, router, stop.clone()));
    for _ in 0..3 {
        theirs.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut said = String::new();
        while !said.ends_with("a page") {
            said.push(theirs.read_u8().await.unwrap().into());
        }
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    }
    // One that waits for its next request is closed at the end.
    stop.cancel();
    serving.await.unwrap();
    assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0);
}
