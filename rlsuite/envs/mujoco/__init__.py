"""MuJoCo tasks in Gymnasium v5 semantics, vectorised on the CPU."""
