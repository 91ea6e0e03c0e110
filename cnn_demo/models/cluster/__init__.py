"""Networks that run on a Ray cluster instead of in the app's process, if `CNN_DEMO_BACKEND=ray`."""
