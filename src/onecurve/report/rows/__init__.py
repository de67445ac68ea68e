"""Rows as a report reads them: loaded, filtered, with secrets kept."""
