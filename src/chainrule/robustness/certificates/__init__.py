"""Certificates: proofs that no change of a sample within a radius changes its predicted class.

Input: a trained classifier, samples and a radius. Output: a ``Certificate`` with a status for each sample.
``bounds`` proves by linear bounds of the network itself; ``smoothing`` certifies a smoothed classifier with
a stated confidence.
"""
