"""Sets of images: any folder, and named ones out of installed packages or one explicit ``rlsuite data get``."""
