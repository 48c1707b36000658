"""What the tests share: Markdown blocks, the command line in process, projects to run in."""
