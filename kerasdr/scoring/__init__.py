"""The batch job: bundles, the engines that run them, the CSV, the Grad-CAM pictures."""
