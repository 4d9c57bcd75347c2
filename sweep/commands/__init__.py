"""What the programs beside the sweep itself do: show, replay, preview, notebooks, and their command lines."""
