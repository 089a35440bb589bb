pub(crate) fn run() -> anyhow::Result<()> {
    anyhow::bail!("written next")
}
