"""The command `explain`: explanations of single predictions as files."""
