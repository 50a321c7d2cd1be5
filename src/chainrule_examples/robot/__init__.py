"""Control of simulated robots by reinforcement learning."""
