"""Our own records (Applications, projects, sets, clusters, repositories, settings), kept as Kubernetes objects."""
