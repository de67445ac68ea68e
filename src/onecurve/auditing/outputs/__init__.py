"""An audit as files: a page for people, JSON, SARIF, JUnit and a comment for pipelines, and the baseline that pipelines compare with."""
